using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Native;

/// <summary>The sizes of an AMD processor's data caches as CPUID reports them, computed as oneDNN does.</summary>
internal static class ProcessorCaches
{
    /// <summary>Smaller than a first-level data cache of any processor with AVX2. What is below is no size.</summary>
    public const long Smallest = 4096;

    private const int Leaf = unchecked((int)0x8000001D);

    /// <summary>The subleaves of the data caches of the first, second and third level; the second is that of instructions.</summary>
    private static readonly int[] s_subleaves = [0, 2, 3];

    /// <summary>
    /// Bytes of the first, second and third level; empty where oneDNN doesn't ask for them in this way, because the processor isn't AMD's. Virtual machines may
    /// hide the caches (those of Firecracker do): each is a byte large then, the product of the fields of an empty answer.
    /// </summary>
    public static IReadOnlyList<long> Sizes { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0).Ecx == Letters("cAMD")
        ? [.. s_subleaves.Select(subleaf => Size(X86Base.CpuId(Leaf, subleaf)))]
        : [];

    /// <summary>Whether at least one cache is reported without a size that it could have.</summary>
    public static bool AreHidden => Sizes.Any(size => size < Smallest);

    /// <summary>Ways x partitions x bytes a line x sets, each reported less one.</summary>
    internal static long Size((int Eax, int Ebx, int Ecx, int Edx) cache)
    {
        uint fields = (uint)cache.Ebx;
        return (long)((fields >> 22) + 1) * (((fields >> 12) & 0x3FF) + 1) * ((fields & 0xFFF) + 1) * ((long)(uint)cache.Ecx + 1);
    }

    /// <summary>Four letters as a register has them: the first is the lowest byte.</summary>
    private static int Letters(string four) => four[0] | (four[1] << 8) | (four[2] << 16) | (four[3] << 24);
}
