using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Images;

/// <summary>How many threads decode and augment images while a device computes.</summary>
internal static class FeedThreads
{
    private static volatile int s_processes = 1;

    /// <summary>The processes that share this machine's processors evenly with this one.</summary>
    public static int Processes
    {
        get => s_processes;
        set => s_processes = value;
    }

    /// <summary>All processors but the one that drives a GPU; half of them beside a network on the CPU, which uses all.</summary>
    public static int Beside(Device device)
        => Math.Max(1, (device.type == DeviceType.CPU ? Environment.ProcessorCount / 2 : Environment.ProcessorCount - 1) / Processes);
}
