using System.Globalization;

namespace Microsoft.ML.ResNet;

/// <summary>
/// How an image becomes network input. It is fixed when the model is trained, saved with the model, and the same in training,
/// validation and scoring.
/// </summary>
public sealed record ImagePreprocessing
{
    /// <summary>The width of the network's input, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>The height of the network's input, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The channels of the network's input: 3 (RGB) or 1 (grey).</summary>
    public int Channels => Mean.Count;

    /// <summary>How an image file that has another shape is fitted to the input.</summary>
    public required ImageFit Fit { get; init; }

    /// <summary>
    /// The length in pixels to which the short side of an image file is resized before the centre is cropped, for
    /// <see cref="ImageFit.ShortSideCrop"/>. Inputs above 64 pixels: 256/224 of the input's size, as torchvision; smaller ones: the input's size.
    /// </summary>
    public required int ShortSide { get; init; }

    /// <summary>The mean of each channel that is subtracted, of pixels scaled to 0 to 1.</summary>
    public required IReadOnlyList<float> Mean { get; init; }

    /// <summary>The standard deviation of each channel that the difference is divided by, of pixels scaled to 0 to 1.</summary>
    public required IReadOnlyList<float> StandardDeviation { get; init; }

    /// <summary>Whether both say the same, the lists value by value.</summary>
    /// <param name="other">The other one.</param>
    public bool Equals(ImagePreprocessing? other)
        => other is not null
            && (Width, Height, Fit, ShortSide) == (other.Width, other.Height, other.Fit, other.ShortSide)
            && Mean.SequenceEqual(other.Mean)
            && StandardDeviation.SequenceEqual(other.StandardDeviation);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Width, Height, Fit, ShortSide, Mean.Count);

    /// <summary>All members, the lists spelled out, in the invariant culture.</summary>
    /// <returns>One line of text.</returns>
    public override string ToString()
        => string.Create(
            CultureInfo.InvariantCulture,
            $"ImagePreprocessing {{ Width = {Width}, Height = {Height}, Channels = {Channels}, Fit = {Fit}, ShortSide = {ShortSide}, Mean = [{List(Mean)}], StandardDeviation = [{List(StandardDeviation)}] }}");

    /// <summary>ImageNet's mean by channel, as torchvision uses it; for one channel its average.</summary>
    internal static float[] DefaultMean(int channels) => channels == 1 ? [0.449f] : [0.485f, 0.456f, 0.406f];

    /// <summary>ImageNet's standard deviation by channel, as torchvision uses it; for one channel its average.</summary>
    internal static float[] DefaultStandardDeviation(int channels) => channels == 1 ? [0.226f] : [0.229f, 0.224f, 0.225f];

    /// <summary>
    /// The short side before the centre crop: torchvision's 256 for 224 above 64 pixels. Small pictures, whose subject reaches to the
    /// border, are used whole, as all work on CIFAR and MNIST does.
    /// </summary>
    internal static int DefaultShortSide(int size) => size <= 64 ? size : (int)Math.Round(size * 256 / 224.0);

    private static string List(IEnumerable<float> numbers) => string.Join(", ", numbers.Select(number => number.ToString(CultureInfo.InvariantCulture)));
}
