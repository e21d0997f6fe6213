using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Explanations;
using SkiaSharp;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Which parts of an image speak for a class, by Grad-CAM (Selvaraju et al. 2017). Made by <see cref="ResNetTransformer.Explain(string, string?, int?)"/>.
/// </summary>
public sealed class ImageExplanation
{
    /// <summary>How much of the picture the heat covers where it is highest, by default.</summary>
    internal const double DefaultOpacity = 0.7;

    // What the network does not see is darkened.
    private const double UnseenBrightness = 0.4;

    // The picture keeps little of its own colours, among which those of the map would be lost.
    private const double Saturation = 0.3;

    private readonly ClassActivation _activation;
    private readonly ExplainedPicture _picture;

    internal ImageExplanation(ClassActivation activation, ExplainedPicture picture, IReadOnlyList<string> classNames, int stage, int width, int height)
    {
        _activation = activation;
        _picture = picture;
        ClassName = classNames[activation.ClassIndex];
        Score = activation.Probabilities[activation.ClassIndex];
        int predicted = Array.IndexOf(activation.Probabilities, activation.Probabilities.Max());
        PredictedClassName = classNames[predicted];
        PredictedScore = activation.Probabilities[predicted];
        Stage = stage;
        Width = width;
        Height = height;
        Map = Array.AsReadOnly(activation.Map);
    }

    /// <summary>The class that the map is of.</summary>
    public string ClassName { get; }

    /// <summary>The model's probability of that class, 0 to 1.</summary>
    public float Score { get; }

    /// <summary>The class that the model takes the image for.</summary>
    public string PredictedClassName { get; }

    /// <summary>The model's probability of the class that it takes the image for, 0 to 1.</summary>
    public float PredictedScore { get; }

    /// <summary>The stage of the network whose activations the map shows, 1 for the first.</summary>
    public int Stage { get; }

    /// <summary>The width of the map: that of the network's input, in pixels.</summary>
    public int Width { get; }

    /// <summary>The height of the map: that of the network's input, in pixels.</summary>
    public int Height { get; }

    /// <summary>
    /// The map, [<see cref="Height"/>, <see cref="Width"/>] row by row from the upper left corner: 0 where nothing speaks for the class, 1 where most does. All
    /// zeros where nothing in the image does.
    /// </summary>
    public IReadOnlyList<float> Map { get; }

    /// <summary>The width of the image, turned upright, in pixels.</summary>
    public int ImageWidth => _picture.ImageWidth;

    /// <summary>The height of the image, turned upright, in pixels.</summary>
    public int ImageHeight => _picture.ImageHeight;

    /// <summary>The map's value at a point of the image; 0 where the network does not see the image, as at the ends that the crop cuts off.</summary>
    /// <param name="x">Pixels from the left edge of the upright image.</param>
    /// <param name="y">Pixels from its upper edge.</param>
    public float ValueAt(double x, double y)
    {
        var (inputX, inputY) = _picture.ToInput(x, y);
        return Sees(inputX, inputY) ? Interpolate(inputX - 0.5, inputY - 0.5) : 0;
    }

    /// <summary>Draws the map over the image, whose own colours are faded, as a PNG file: from red to yellow, the more speaks for the class; what the network does not see is dark.</summary>
    /// <param name="opacity">How much the colour covers the image where the map is 1; 0 to 1.</param>
    /// <returns>The file's content. Its longer side has at most 1,024 pixels.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The opacity is not between 0 and 1.</exception>
    public byte[] ToPng(double opacity = DefaultOpacity)
    {
        byte[] pixels = Draw(_picture.Width, _picture.Height, opacity, _picture.ToImage);
        using var bitmap = new SKBitmap(new SKImageInfo(_picture.Width, _picture.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, quality: 100);
        return data.ToArray();
    }

    /// <summary>Draws the map over the image, as <see cref="ToPng"/> does.</summary>
    /// <param name="opacity">How much the colour covers the image where the map is 1; 0 to 1.</param>
    /// <returns>The picture, which is the caller's to dispose.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The opacity is not between 0 and 1.</exception>
    public MLImage ToImage(double opacity = DefaultOpacity)
    {
        byte[] pixels = Draw(_picture.Width, _picture.Height, opacity, _picture.ToImage);
        return MLImage.CreateFromPixels(_picture.Width, _picture.Height, MLPixelFormat.Rgba32, pixels);
    }

    /// <summary>Draws the map over the part of the image that the network sees, in a size of its own.</summary>
    internal MLImage ToInputImage(int width, int height, double opacity) => MLImage.CreateFromPixels(
        width,
        height,
        MLPixelFormat.Rgba32,
        Draw(width, height, opacity, (x, y) => _picture.FromInput((x + 0.5) / width * Width, (y + 0.5) / height * Height)));

    /// <summary>[height, width, 4] uint8, RGBA.</summary>
    /// <param name="toImage">The point of the image that is shown in a pixel.</param>
    private byte[] Draw(int width, int height, double opacity, Func<int, int, (double X, double Y)> toImage)
    {
        if (opacity is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "Expected a number from 0 to 1.");
        }

        byte[] pixels = new byte[width * height * 4];
        for (int place = 0; place < width * height; place++)
        {
            var (imageX, imageY) = toImage(place % width, place / width);
            var (red, green, blue) = _picture.ColorAt(imageX, imageY);
            var (inputX, inputY) = _picture.ToInput(imageX, imageY);
            bool isSeen = Sees(inputX, inputY);
            float value = isSeen ? Interpolate(inputX - 0.5, inputY - 0.5) : 0;
            double cover = value * opacity, brightness = isSeen ? 1 : UnseenBrightness;
            double grey = (0.299 * red) + (0.587 * green) + (0.114 * blue);

            // Red, and with more of it yellow.
            Span<byte> target = pixels.AsSpan(4 * place, 4);
            target[0] = Mix(double.Lerp(grey, red, Saturation) * brightness, 255, cover);
            target[1] = Mix(double.Lerp(grey, green, Saturation) * brightness, 220 * value, cover);
            target[2] = Mix(double.Lerp(grey, blue, Saturation) * brightness, 30 * (1 - value), cover);
            target[3] = byte.MaxValue;
        }

        return pixels;
    }

    private static byte Mix(double below, double above, double cover) => (byte)Math.Round((below * (1 - cover)) + (above * cover));

    /// <summary>Rounding may leave a border's point a hair beyond it.</summary>
    private bool Sees(double x, double y) => x >= -1e-6 && y >= -1e-6 && x <= Width + 1e-6 && y <= Height + 1e-6;

    /// <summary>Between the four nearest values; the border's beyond the border.</summary>
    private float Interpolate(double x, double y)
    {
        x = Math.Clamp(x, 0, Width - 1);
        y = Math.Clamp(y, 0, Height - 1);
        int left = (int)x, top = (int)y, right = Math.Min(left + 1, Width - 1), bottom = Math.Min(top + 1, Height - 1);
        float across = (float)(x - left), down = (float)(y - top);
        float upper = float.Lerp(At(left, top), At(right, top), across), lower = float.Lerp(At(left, bottom), At(right, bottom), across);
        return float.Lerp(upper, lower, down);

        float At(int column, int row) => _activation.Map[(row * Width) + column];
    }
}
