using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Kernels;

/// <summary>The lanes that the kernels work with. Results don't depend on it.</summary>
internal static class KernelWidth
{
    /// <summary>16, 8 or 4. The widest that this processor has; tests set others.</summary>
    public static int Lanes { get; set; } = Widest;

    /// <summary>Whether this processor has one of them: AVX-512, AVX2 with FMA, or Arm64's AdvSimd.</summary>
    public static bool IsSupported => Supports(Widest);

    private static int Widest => Avx512F.IsSupported ? 16 : Avx2.IsSupported || !AdvSimd.Arm64.IsSupported ? 8 : 4;

    /// <summary>Whether this processor computes with as many lanes, if only in software.</summary>
    public static bool Supports(int lanes) => (lanes == 4 && AdvSimd.Arm64.IsSupported) || (Avx2.IsSupported && Fma.IsSupported);
}
