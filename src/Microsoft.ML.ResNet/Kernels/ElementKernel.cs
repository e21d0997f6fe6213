using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Loops over values side by side.</summary>
internal static unsafe class ElementKernel
{
    private const int Lanes = 8;

    /// <summary>target += summand.</summary>
    /// <param name="length">A multiple of 8.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* target, float* summand, nint length)
    {
        for (nint i = 0; i < length; i += Lanes)
        {
            (Avx.LoadVector256(target + i) + Avx.LoadVector256(summand + i)).Store(target + i);
        }
    }
}
