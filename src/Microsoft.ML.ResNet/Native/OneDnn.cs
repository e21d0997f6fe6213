using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// oneDNN, which computes libtorch's convolutions on the CPU, where the caches of an AMD processor are hidden (<see cref="ProcessorCaches"/>). oneDNN, in libtorch
/// 2.10, takes them for caches of one byte there. With that it computes wrong values without a word, such as those of grouped convolutions and the gradients of
/// images with one channel, and ends the process for convolutions of ResNet-50 and deeper networks by dividing by zero. On an Intel processor without sizes it
/// assumes some; this class has it assume the same ones on AMD's. Where it can't, it turns oneDNN off.
/// </summary>
internal static unsafe class OneDnn
{
    /// <summary>What oneDNN assumes where it knows that it doesn't know: bytes of the first, second and third level.</summary>
    internal static readonly int[] AssumedSizes = [32 * 1024, 512 * 1024, 1024 * 1024];

    // The object in which oneDNN has its processor, in libtorch 2.10, as 32-bit numbers: the sizes of ten caches at most, by how many cores each is shared,
    // how many there are, the version of AVX10, and the numbers of the model.
    private const int MostCaches = 10;
    private const int CountIndex = 2 * MostCaches;
    private const int ModelIndex = CountIndex + 2;
    private const int ModelNumbers = 7;
    private const int Length = ModelIndex + ModelNumbers;

    /// <summary>What a log says where <see cref="IsUsable"/> is false.</summary>
    public const string WhyNotUsable = "This virtual machine hides the caches of its processor, with which oneDNN computes wrong values in this libtorch: libtorch computes without it, which takes longer.";

    private static bool s_isOff;

    /// <summary>False where oneDNN is turned off, because it would compute wrong values: convolutions take longer then, those in bfloat16 many times as long.</summary>
    public static bool IsUsable => !s_isOff;

    /// <summary>Sees to it that oneDNN computes right values in this process. Called once, when the native libraries are loaded, before anything is computed.</summary>
    public static void EnsureRight()
    {
        if (!ProcessorCaches.AreHidden)
        {
            return;
        }

        // Knows no such processor either, and would say so at each convolution.
        SetEnabled("NNPACK", false);
        if (!OperatingSystem.IsLinux() || !TryAssumeSizes())
        {
            TurnOff();
        }
    }

    /// <summary>Has libtorch compute convolutions by itself.</summary>
    internal static void TurnOff()
    {
        if (!SetEnabled("Mkldnn", false))
        {
            throw new PlatformNotSupportedException(
                "This virtual machine hides the caches of its processor. oneDNN in this libtorch computes wrong values there, and it can't be turned off. "
                + "Use libtorch 2.10 (TorchSharp 0.107.0), or a machine that reports its caches (CPUID leaf 0x8000001D; lscpu shows them).");
        }

        s_isOff = true;
    }

    /// <summary>Writes the assumed sizes where oneDNN has those of one byte. False where they aren't found.</summary>
    private static bool TryAssumeSizes()
    {
        // oneDNN looks at the processor when it is first needed. This convolution comes out right and is never computed again.
        using (Tensor image = zeros(1, 16, 4, 4), weight = zeros(16, 16, 3, 3))
        {
            nn.functional.conv2d(image, weight).Dispose();
        }

        int[] model = ModelOf(X86Base.CpuId(1, 0).Eax);
        int found = 0;
        foreach (var (start, length) in WritableRegions(File.ReadLines("/proc/self/maps"), "libtorch_cpu.so"))
        {
            found += AssumeSizes(new Span<int>((void*)start, (int)(length / sizeof(int))), ProcessorCaches.Sizes, model);
        }

        return found > 0;
    }

    /// <summary>Replaces the sizes of hidden caches in oneDNN's objects in a stretch of memory.</summary>
    /// <param name="sizes">As <see cref="ProcessorCaches.Sizes"/>.</param>
    /// <param name="model">As <see cref="ModelOf"/>.</param>
    /// <returns>How many objects were found.</returns>
    internal static int AssumeSizes(Span<int> memory, IReadOnlyList<long> sizes, ReadOnlySpan<int> model)
    {
        int found = 0;
        for (int start = 0; (start = IndexOf(memory, model, start)) >= 0; start++)
        {
            Span<int> caches = memory[start..];
            if (!IsProcessor(caches, sizes))
            {
                continue;
            }

            for (int i = 0; i < sizes.Count; i++)
            {
                caches[i] = sizes[i] < ProcessorCaches.Smallest ? AssumedSizes[i] : caches[i];
            }

            found++;
        }

        return found;
    }

    /// <summary>Where an object would begin that has the numbers of the model at their place.</summary>
    private static int IndexOf(ReadOnlySpan<int> memory, ReadOnlySpan<int> model, int start)
    {
        if (memory.Length - start < Length)
        {
            return -1;
        }

        int index = memory[(start + ModelIndex)..].IndexOf(model);
        return index < 0 ? -1 : start + index;
    }

    private static bool IsProcessor(ReadOnlySpan<int> caches, IReadOnlyList<long> sizes)
    {
        if (caches[CountIndex] != sizes.Count)
        {
            return false;
        }

        for (int i = 0; i < MostCaches; i++)
        {
            bool isKnown = i < sizes.Count;
            if (caches[i] != (isKnown ? (int)sizes[i] : 0) || (caches[MostCaches + i] > 0) != isKnown)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Model, family, stepping, extended model, extended family, and the family and model that both make, of what CPUID's leaf 1 has in EAX.</summary>
    internal static int[] ModelOf(int eax)
    {
        int stepping = eax & 15, model = (eax >> 4) & 15, family = (eax >> 8) & 15, extendedModel = (eax >> 16) & 15, extendedFamily = (eax >> 20) & 255;
        return [model, family, stepping, extendedModel, extendedFamily, family == 15 ? family + extendedFamily : family, family is 6 or 15 ? (extendedModel << 4) + model : model];
    }

    /// <summary>A library's writable memory: what is mapped of its file, and what follows without a name.</summary>
    /// <param name="maps">The lines of /proc/self/maps.</param>
    internal static IEnumerable<(nint Start, long Length)> WritableRegions(IEnumerable<string> maps, string library)
    {
        nint end = -1;
        foreach (string line in maps)
        {
            // "7f0000000000-7f0000001000 rw-p 00000000 fe:00 1234   /folder/library.so"; a folder's name may have blanks.
            string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            string[] range = fields[0].Split('-');
            nint start = nint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            bool isOfLibrary = fields.Length == 6 ? Path.GetFileName(fields[5].Trim()) == library : start == end;
            if (!isOfLibrary)
            {
                continue;
            }

            end = nint.Parse(range[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (fields[1].StartsWith("rw", StringComparison.Ordinal))
            {
                yield return (start, end - start);
            }
        }
    }

    /// <summary>Calls <c>at::globalContext().setUserEnabled…</c>, which TorchSharp doesn't bind. False where there is no such function.</summary>
    private static bool SetEnabled(string what, bool value)
    {
        bool isWindows = OperatingSystem.IsWindows();
        string context = isWindows ? "?globalContext@at@@YAAEAVContext@1@XZ" : "_ZN2at13globalContextEv";
        string setter = isWindows ? $"?setUserEnabled{what}@Context@at@@QEAAX_N@Z" : $"_ZN2at7Context{$"setUserEnabled{what}".Length}setUserEnabled{what}Eb";
        string path = NativeLibraryLocator.ForThisProcess().Find("torch_cpu") ?? (isWindows ? "torch_cpu" : "libtorch_cpu.so");
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            return false;
        }

        if (!NativeLibrary.TryGetExport(library, context, out nint get) || !NativeLibrary.TryGetExport(library, setter, out nint set))
        {
            return false;
        }

        ((delegate* unmanaged[Cdecl]<nint, byte, void>)set)(((delegate* unmanaged[Cdecl]<nint>)get)(), value ? (byte)1 : (byte)0);
        return true;
    }
}
