using System.Runtime.InteropServices;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>Memory that augmentation works in, kept from image to image: after the first ones nothing is allocated. For one thread.</summary>
internal sealed class AugmentationScratch
{
    private byte[] _copy = [];
    private float[] _row = [];

    /// <summary>The coefficients of a resize along the columns.</summary>
    public ResizeWeights Columns { get; } = new();

    /// <summary>The coefficients of a resize along the rows.</summary>
    public ResizeWeights Rows { get; } = new();

    /// <summary>A copy of an image that an operation overwrites.</summary>
    public ReadOnlySpan<T> Copy<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        if (_copy.Length < bytes.Length)
        {
            _copy = GC.AllocateUninitializedArray<byte>(bytes.Length);
        }

        bytes.CopyTo(_copy);
        return MemoryMarshal.Cast<byte, T>(_copy.AsSpan(0, bytes.Length));
    }

    /// <summary>Room for a row of values, not cleared.</summary>
    public Span<float> Row(int length)
    {
        if (_row.Length < length)
        {
            _row = GC.AllocateUninitializedArray<float>(length);
        }

        return _row.AsSpan(0, length);
    }
}
