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

    /// <summary>The type of activations that a setting asks for on a device. An explicit choice is honoured, with a warning if it is slow there.</summary>
    /// <param name="hasKernels">
    /// Whether this library's kernels would train the network in float32. Without AMX they are chosen: on two cores of Zen 5 they take 1.0 to 1.2 times as long
    /// as libtorch in bfloat16 when alone, and a quarter of its time beside one busy process, where libtorch's threads wait for each other at every operator.
    /// </param>
    public static ScalarType TypeFor(TrainingPrecision precision, bool hasKernels, Device device, IChannel channel)
        => TypeFor(
            precision == TrainingPrecision.BFloat16,
            precision == TrainingPrecision.Auto && IsFast(device) && (device.type != DeviceType.CPU || !hasKernels || HasMatrixInstructions()),
            device,
            channel);

    /// <inheritdoc cref="TypeFor(TrainingPrecision, bool, Device, IChannel)"/>
    public static ScalarType TypeFor(ScoringPrecision precision, Device device, IChannel channel)
        => TypeFor(precision == ScoringPrecision.BFloat16, precision == ScoringPrecision.Auto && IsFast(device), device, channel);

    /// <summary>Whether the device has instructions for bfloat16.</summary>
    public static bool IsFast(Device device) => device.type == DeviceType.CPU ? IsFastOnCpu() : s_gpu.Value;

    /// <summary>Whether the CPU multiplies matrices of bfloat16 (AMX): at several times the rate of its vectors of float32.</summary>
    internal static bool HasMatrixInstructions() => IsFastOnCpu() && HasMatrixInstructionsOfBFloat16();

    private static ScalarType TypeFor(bool isWanted, bool isChosen, Device device, IChannel channel)
    {
        if (device.type == DeviceType.CPU && !OneDnn.IsUsable)
        {
            channel.Warning(MessageSensitivity.None, "{0}", OneDnn.WhyNotUsable);
        }

        if (isWanted && !IsFast(device))
        {
            channel.Warning(MessageSensitivity.None, "BFloat16 is asked for, but the device {0} has no instructions for it: it takes many times as long as Float32.", device);
        }

        return isWanted || isChosen ? ScalarType.BFloat16 : ScalarType.Float32;
    }

    /// <summary>oneDNN with AVX512_BF16 (leaf 7.1, EAX bit 5) or AMX-BF16 (leaf 7.0, EDX bit 22); AVX-512 itself tells that the system keeps the registers.</summary>
    private static bool IsFastOnCpu()
    {
        NativeTorch.EnsureLoaded();
        if (!OneDnn.IsUsable || !X86Base.IsSupported || !Avx512F.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
        {
            return false;
        }

        return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || HasMatrixInstructionsOfBFloat16();
    }

    private static bool HasMatrixInstructionsOfBFloat16() => (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;

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
