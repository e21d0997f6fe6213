using System.Runtime.CompilerServices;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Loops over values side by side.</summary>
internal static unsafe class ElementKernel
{
    /// <summary>target += residual.</summary>
    /// <param name="length">A multiple of 16.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<T>(float* target, float* residual, nint length)
        where T : unmanaged, ILanes<T>
    {
        for (nint i = 0; i < length; i += T.Count)
        {
            (T.Load(target + i) + T.Load(residual + i)).Store(target + i);
        }
    }

    /// <summary>Puts rows of sixteen values, which lie <paramref name="stride"/> apart, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopySixteens<T>(float* source, nint stride, int count, float* target)
        where T : unmanaged, ILanes<T>
    {
        for (int i = 0; i < count; i++, source += stride, target += MatrixKernel.Columns)
        {
            CopySixteen<T>(source, target);
        }
    }

    /// <summary>Puts rows of sixteen values, which lie at <paramref name="offsets"/>, one after the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopySixteens<T>(float* source, nint* offsets, int count, float* target)
        where T : unmanaged, ILanes<T>
    {
        for (int i = 0; i < count; i++, target += MatrixKernel.Columns)
        {
            CopySixteen<T>(source + offsets[i], target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopySixteen<T>(float* source, float* target)
        where T : unmanaged, ILanes<T>
    {
        for (int lane = 0; lane < MatrixKernel.Columns; lane += T.Count)
        {
            T.Load(source + lane).Store(target + lane);
        }
    }
}
