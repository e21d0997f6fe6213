using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>The fused convolutions, which the CPU library that the tests run with has.</summary>
internal static class FusedOperators
{
    public static FusedConvolutions Get()
    {
        var context = (IHostEnvironment)new MLContext(1);
        using IChannel channel = context.Start("test");
        return FusedConvolutions.For(torch.CPU, channel) ?? throw new AssertFailedException("This libtorch has no fused convolutions.");
    }

    /// <summary>The CPU with them.</summary>
    public static ScoringDevice Device() => new(torch.CPU, torch.ScalarType.Float32, HasVectorKernels: false, Get());
}
