using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// The memory layout in which libtorch's CPU convolutions are fastest: a pixel's channels side by side. Shapes stay <c>[N,C,H,W]</c>.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>A copy of a four-dimensional tensor in channels-last layout, in the caller's dispose scope.</summary>
    public static Tensor Copy(Tensor tensor)
    {
        // Spelled-out strides, not permute-contiguous-permute: that leaves the strides ambiguous, and libtorch reading them as the
        // other layout, where channels or pixels are one in number.
        return Empty(tensor.shape, tensor.dtype, tensor.device).copy_(tensor);
    }

    /// <summary>Zeros of float32 on the CPU, in the caller's dispose scope.</summary>
    /// <param name="shape">Four sizes.</param>
    public static Tensor Zeros(long[] shape) => Empty(shape, ScalarType.Float32, CPU).zero_();

    private static Tensor Empty(long[] shape, ScalarType type, Device device)
    {
        (long n, long c, long h, long w) = (shape[0], shape[1], shape[2], shape[3]);
        return empty_strided([n, c, h, w], [h * w * c, 1, w * c, c], type, device);
    }
}
