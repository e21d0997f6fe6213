using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>Decides between bfloat16 and float32.</summary>
internal static class BFloat16Support
{
    private static readonly Lazy<bool> s_gpu = new(IsFastOnGpu);

    /// <summary>
    /// From this number of multiply-adds per image on, one operator of libtorch takes long enough for the wait at its end not to matter. Measured on two
    /// cores, one of them busy, in batches of 32 to 128: ResNet-18 at 224 pixels (1.8 billion) trains as fast in bfloat16 as by the kernels in float32, at
    /// 112 pixels (0.5 billion) and at 28 (0.4 billion) a third as fast, and ResNet-20 (0.03 billion) a tenth.
    /// </summary>
    internal const long LargeNetwork = 1_500_000_000;

    /// <summary>The type of activations that a setting asks for on a device. An explicit choice is honoured, with a warning if it is slow there.</summary>
    /// <param name="hasKernels">
    /// Whether this library's kernels would train the network in float32. They are chosen on CPUs, but for large networks where there is AMX: alone on two
    /// cores they take 1.0 to 1.5 times as long as libtorch in bfloat16, and down to a tenth of its time beside one busy process, where libtorch's threads
    /// wait for each other at every operator.
    /// </param>
    /// <param name="multiplyAdds">The network's multiply-adds for one image.</param>
    public static ScalarType TypeFor(TrainingPrecision precision, bool hasKernels, long multiplyAdds, Device device, IChannel channel)
        => TypeFor(
            precision == TrainingPrecision.BFloat16,
            precision == TrainingPrecision.Auto && IsFast(device)
                && (device.type != DeviceType.CPU || !hasKernels || IsFastBesideKernels(HasMatrixInstructions(), multiplyAdds)),
            device,
            channel);

    /// <summary>Whether a CPU trains in bfloat16 although there are kernels for float32.</summary>
    internal static bool IsFastBesideKernels(bool hasMatrixInstructions, long multiplyAdds) => hasMatrixInstructions && multiplyAdds >= LargeNetwork;

    /// <inheritdoc cref="TypeFor(TrainingPrecision, bool, long, Device, IChannel)"/>
    public static ScalarType TypeFor(ScoringPrecision precision, Device device, IChannel channel)
        => TypeFor(precision == ScoringPrecision.BFloat16, precision == ScoringPrecision.Auto && IsFast(device), device, channel);

    /// <summary>Whether the device multiplies bfloat16 faster than float32.</summary>
    public static bool IsFast(Device device) => device.type == DeviceType.CPU ? IsFastOnCpu(InstructionsOfCpu(), IsIntel()) : s_gpu.Value;

    /// <summary>Whether the device has instructions for bfloat16, be they as slow as those for float32.</summary>
    public static bool HasInstructions(Device device) => device.type == DeviceType.CPU ? InstructionsOfCpu() != BFloat16Instructions.None : s_gpu.Value;

    /// <summary>Whether the CPU multiplies matrices of bfloat16 (AMX): at several times the rate of its vectors of float32.</summary>
    internal static bool HasMatrixInstructions() => InstructionsOfCpu() == BFloat16Instructions.Matrices;

    /// <summary>
    /// Intel's vectors of bfloat16 start once a cycle, those of float32 twice: with half as many numbers in each, both do the same. On a Xeon whose AMX the
    /// virtual machine hides, bfloat16 scored at 0.44 to 0.52 of the speed of float32 and trained at 0.46 to 0.63. AMD's start as often as those of float32.
    /// </summary>
    internal static bool IsFastOnCpu(BFloat16Instructions instructions, bool isIntel)
        => instructions == BFloat16Instructions.Matrices || (instructions == BFloat16Instructions.Vectors && !isIntel);

    private static ScalarType TypeFor(bool isWanted, bool isChosen, Device device, IChannel channel)
    {
        if (device.type == DeviceType.CPU && !OneDnn.IsUsable)
        {
            channel.Warning(MessageSensitivity.None, "{0}", OneDnn.WhyNotUsable);
        }

        if (isWanted && !IsFast(device))
        {
            channel.Warning(
                MessageSensitivity.None,
                HasInstructions(device)
                    ? "BFloat16 is asked for, but the instructions of the device {0} for it are no faster than those for Float32: it takes up to twice as long."
                    : "BFloat16 is asked for, but the device {0} has no instructions for it: it takes many times as long as Float32.",
                device);
        }

        return isWanted || isChosen ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <summary>What oneDNN may use: AVX512_BF16 (leaf 7.1, EAX bit 5) or AMX-BF16 (leaf 7.0, EDX bit 22); AVX-512 itself tells that the system keeps the registers.</summary>
    private static BFloat16Instructions InstructionsOfCpu()
    {
        NativeTorch.EnsureLoaded();
        if (!OneDnn.IsUsable || !X86Base.IsSupported || !Avx512F.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
        {
            return BFloat16Instructions.None;
        }

        return (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0 ? BFloat16Instructions.Matrices
            : (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 ? BFloat16Instructions.Vectors
            : BFloat16Instructions.None;
    }

    /// <summary>"GenuineIntel", whose first four letters are in EBX.</summary>
    private static bool IsIntel() => X86Base.IsSupported && X86Base.CpuId(0, 0).Ebx == 0x756E6547;

    /// <summary>TorchSharp doesn't tell what a GPU can do: the product of two matrices shows it.</summary>
    private static bool IsFastOnGpu()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        double single = Time(ScalarType.Float32), half = Time(ScalarType.BFloat16);
        return half < 0.7 * single;

        static double Time(ScalarType type)
        {
            const int side = 2048, count = 10;
            Tensor matrix = ones(side, side, dtype: type, device: CUDA);
            matrix.matmul(matrix);
            cuda.synchronize();
            var clock = Stopwatch.StartNew();
            for (int i = 0; i < count; i++)
            {
                matrix.matmul(matrix).Dispose();
            }

            cuda.synchronize();
            return clock.Elapsed.TotalSeconds;
        }
    }
}
