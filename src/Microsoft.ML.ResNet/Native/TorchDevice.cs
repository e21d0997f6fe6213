using System.Globalization;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet.Native;

/// <summary>Chooses the device that the MLContext asks for.</summary>
internal static class TorchDevice
{
    /// <summary>The GPU with the number in <c>MLContext.GpuDeviceId</c>; where none is set, the first GPU if there is one, else the CPU.</summary>
    /// <param name="localRank">The number of this process among those that train together on this machine: where there are several GPUs and none is set, each has one of its own.</param>
    /// <exception cref="InvalidOperationException">The GPU that is asked for is not there, and <c>FallbackToCpu</c> is false.</exception>
    public static torch.Device Choose(IHostEnvironment environment, IChannel channel, int localRank = 0)
    {
        var (id, fallbackToCpu) = HostServices.GetDevice(environment);
        int count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (id is null)
        {
            return count > 0 ? new torch.Device(DeviceType.CUDA, localRank % count) : torch.CPU;
        }

        if (id >= 0 && id < count)
        {
            return new torch.Device(DeviceType.CUDA, id.Value);
        }

        string fault = string.Create(CultureInfo.InvariantCulture, $"GpuDeviceId is {id}, but torch sees {count} CUDA device{(count == 1 ? "" : "s")}.");
        if (!fallbackToCpu)
        {
            throw new InvalidOperationException(
                $"{fault} Reference TorchSharp-cuda-windows or TorchSharp-cuda-linux instead of TorchSharp-cpu and check the driver, choose "
                + "another GpuDeviceId, or set FallbackToCpu.");
        }

        channel.Warning(MessageSensitivity.None, "{0} Using the CPU, as FallbackToCpu says.", fault);
        return torch.CPU;
    }
}
