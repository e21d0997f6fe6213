using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Sets the width of the process's kernels until it is disposed. On processors without the instructions the runtime computes the same in software.</summary>
internal sealed class KernelLanes : IDisposable
{
    private readonly int _before = KernelWidth.Lanes;

    private KernelLanes(int lanes) => KernelWidth.Lanes = lanes;

    /// <summary>Every width that this processor computes with.</summary>
    public static IReadOnlyList<int> All { get; } = [.. new[] { 4, 8, 16 }.Where(KernelWidth.Supports)];

    public static KernelLanes Use(int lanes) => new(lanes);

    public void Dispose() => KernelWidth.Lanes = _before;
}
