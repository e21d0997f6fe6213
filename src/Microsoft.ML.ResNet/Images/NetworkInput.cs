using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Turns batch buffers into normalised network input. Holds scale and offset of each channel as tensors.</summary>
internal sealed class NetworkInput : IDisposable
{
    private readonly Device _device;
    private readonly Tensor _scale;
    private readonly Tensor _offset;
    private readonly bool _isIdentity;

    public NetworkInput(InputFormat format, Device device)
    {
        Format = format;
        _device = device;
        _isIdentity = format.Scale.All(value => value == 1) && format.Offset.All(value => value == 0);
        long[] shape = format.IsPlanar ? [format.Channels, 1, 1] : [format.Channels];
        using var scope = NewDisposeScope();
        _scale = tensor(format.Scale, shape, device: device).DetachFromDisposeScope();
        _offset = tensor(format.Offset, shape, device: device).DetachFromDisposeScope();
    }

    public InputFormat Format { get; }

    /// <summary>Makes the network's input of the first <paramref name="count"/> images in a buffer.</summary>
    /// <param name="pixels">[N,H,W,C] or [N,C,H,W], uint8 or float32, as the format says.</param>
    /// <returns>[N,C,H,W] float32, normalised, in channels-last layout where the buffer is interleaved; owned by the caller's scope.</returns>
    public Tensor Create(ReadOnlySpan<byte> pixels, int count)
    {
        using var scope = NewDisposeScope();
        InputFormat format = Format;
        long[] shape = format.IsPlanar ? [count, format.Channels, format.Height, format.Width] : [count, format.Height, format.Width, format.Channels];
        Tensor raw = empty(shape, format.IsFloat ? ScalarType.Float32 : ScalarType.Byte);
        pixels[..(count * format.ByteCount)].CopyTo(raw.bytes);
        Tensor values = raw.to(_device).to(ScalarType.Float32);
        if (!_isIdentity)
        {
            values = values.mul_(_scale).AddInPlace(_offset);
        }

        return (format.IsPlanar ? values : values.permute(0, 3, 1, 2)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _scale.Dispose();
        _offset.Dispose();
    }
}
