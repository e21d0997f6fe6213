using Microsoft.ML.ResNet.Images;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Images to score: a tensor, or a batch buffer that becomes one only where libtorch scores.</summary>
internal sealed class ScoringImages
{
    private readonly Tensor? _tensor;
    private readonly NetworkInput? _input;
    private readonly ReadOnlyMemory<byte> _pixels;

    /// <param name="tensor">[N,C,H,W] float32, normalised.</param>
    private ScoringImages(Tensor tensor)
    {
        long[] shape = tensor.shape;
        (Count, Height, Width) = ((int)shape[0], (int)shape[2], (int)shape[3]);
        _tensor = tensor;
    }

    /// <summary>The first <paramref name="count"/> images of a batch buffer.</summary>
    public ScoringImages(NetworkInput input, ReadOnlyMemory<byte> pixels, int count)
    {
        (Count, Height, Width) = (count, input.Format.Height, input.Format.Width);
        _input = input;
        _pixels = pixels[..(count * input.Format.ByteCount)];
    }

    public int Count { get; }

    public int Height { get; }

    public int Width { get; }

    /// <summary>What is in the batch buffer, or null where the images are a tensor.</summary>
    public InputFormat? Format => _input?.Format;

    /// <summary>The images as they are in the batch buffer.</summary>
    public ReadOnlySpan<byte> Pixels => _pixels.Span;

    public static implicit operator ScoringImages(Tensor tensor) => new(tensor);

    /// <summary>The images as [N,C,H,W] float32, normalised: those of a buffer in the caller's dispose scope.</summary>
    public Tensor ToTensor() => _tensor ?? _input!.Create(Pixels, Count);
}
