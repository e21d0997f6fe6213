using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>What the library's own kernels need of the processor; tests of them are skipped without it.</summary>
internal static class VectorInstructions
{
    public static void Require()
    {
        if (!MatrixKernel.IsSupported)
        {
            Assert.Inconclusive("This processor has no AVX2.");
        }
    }
}
