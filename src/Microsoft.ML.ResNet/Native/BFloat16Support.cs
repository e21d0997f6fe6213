using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>Decides between bfloat16 and float32.</summary>
internal static class BFloat16Support
{
    private static readonly Lazy<bool> s_gpu = new(IsFastOnGpu);

    /// <summary>The type of activations that a setting asks for on a device. An explicit choice is honoured, with a warning if it is slow there.</summary>
    public static ScalarType TypeFor(TrainingPrecision precision, Device device, IChannel channel)
        => TypeFor(precision == TrainingPrecision.BFloat16, precision == TrainingPrecision.Auto, device, channel);

    /// <inheritdoc cref="TypeFor(TrainingPrecision, Device, IChannel)"/>
    public static ScalarType TypeFor(ScoringPrecision precision, Device device, IChannel channel)
        => TypeFor(precision == ScoringPrecision.BFloat16, precision == ScoringPrecision.Auto, device, channel);

    /// <summary>Whether the device has instructions for bfloat16.</summary>
    public static bool IsFast(Device device) => device.type == DeviceType.CPU ? IsFastOnCpu() : s_gpu.Value;

    private static ScalarType TypeFor(bool isWanted, bool isAuto, Device device, IChannel channel)
    {
        if (device.type == DeviceType.CPU && !OneDnn.IsUsable)
        {
            channel.Warning(MessageSensitivity.None, "{0}", OneDnn.WhyNotUsable);
        }

        if (isWanted && !IsFast(device))
        {
            channel.Warning(MessageSensitivity.None, "BFloat16 is asked for, but the device {0} has no instructions for it: it takes many times as long as Float32.", device);
        }

        return isWanted || (isAuto && IsFast(device)) ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <summary>oneDNN with AVX512_BF16 (leaf 7.1, EAX bit 5) or AMX-BF16 (leaf 7.0, EDX bit 22); AVX-512 itself tells that the system keeps the registers.</summary>
    private static bool IsFastOnCpu()
    {
        NativeTorch.EnsureLoaded();
        if (!OneDnn.IsUsable || !X86Base.IsSupported || !Avx512F.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
        {
            return false;
        }

        return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;
    }

    /// <summary>TorchSharp doesn't tell what a GPU can do: the product of two matrices shows it.</summary>
    private static bool IsFastOnGpu()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double single = Time(ScalarType.Float32), half = Time(ScalarType.BFloat16);
        return half < 0.7 * single;

        static double Time(ScalarType type)
        {
            const int side = 2048, count = 10;
            Tensor matrix = ones(side, side, dtype: type, device: CUDA);
            matrix.matmul(matrix);
            cuda.synchronize();
            var clock = Stopwatch.StartNew();
            for (int i = 0; i < count; i++)
            {
                matrix.matmul(matrix).Dispose();
            }

            cuda.synchronize();
            return clock.Elapsed.TotalSeconds;
        }
    }
}
