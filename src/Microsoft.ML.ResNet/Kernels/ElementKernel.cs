using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Loops over values side by side.</summary>
internal static unsafe class ElementKernel
{
    private const int Lanes = 8;

    /// <summary>target += residual.</summary>
    /// <param name="length">A multiple of 8.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* target, float* residual, nint length)
    {
        for (nint i = 0; i < length; i += Lanes)
        {
            (Avx.LoadVector256(target + i) + Avx.LoadVector256(residual + i)).Store(target + i);
        }
    }

    /// <summary>Puts rows of sixteen values, which lie <paramref name="stride"/> apart, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopySixteens(float* source, nint stride, int count, float* target)
    {
        for (int i = 0; i < count; i++, source += stride, target += 2 * Lanes)
        {
            Avx.LoadVector256(source).Store(target);
            Avx.LoadVector256(source + Lanes).Store(target + Lanes);
        }
    }

    /// <summary>Puts rows of sixteen values, which lie at <paramref name="offsets"/>, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopySixteens(float* source, nint* offsets, int count, float* target)
    {
        for (int i = 0; i < count; i++, target += 2 * Lanes)
        {
            float* row = source + offsets[i];
            Avx.LoadVector256(row).Store(target);
            Avx.LoadVector256(row + Lanes).Store(target + Lanes);
        }
    }
}
