using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Explanations;

/// <summary>The upright picture that an explanation is drawn on, no larger than a screen, and where the network's input lies in it.</summary>
internal sealed class ExplainedPicture
{
    /// <summary>The longest side that is drawn, in pixels.</summary>
    private const int LongestSide = 1024;

    private readonly ImagePlacement _placement;
    private readonly double _scale;

    /// <param name="image">The picture, in any size; it is copied.</param>
    /// <param name="placement">Where the network's input lies in it.</param>
    public ExplainedPicture(PixelImage image, in ImagePlacement placement)
    {
        _placement = placement;
        ImageWidth = image.OriginalWidth;
        ImageHeight = image.OriginalHeight;
        _scale = Math.Min(1, LongestSide / (double)Math.Max(ImageWidth, ImageHeight));
        Width = Math.Max(1, (int)Math.Round(ImageWidth * _scale));
        Height = Math.Max(1, (int)Math.Round(ImageHeight * _scale));
        Pixels = new byte[Width * Height * 3];
        new ImageResizer().Resize(image, ImageBox.Whole(ImageWidth, ImageHeight), Pixels, Width, Height, targetStride: Width * 3);
    }

    /// <summary>The width of the image itself, upright.</summary>
    public int ImageWidth { get; }

    /// <summary>The height of the image itself, upright.</summary>
    public int ImageHeight { get; }

    /// <summary>The width that is drawn.</summary>
    public int Width { get; }

    /// <summary>The height that is drawn.</summary>
    public int Height { get; }

    /// <summary>[Height, Width, 3] uint8, RGB.</summary>
    public byte[] Pixels { get; }

    /// <summary>The point of the network's input that shows a point of the image; outside of the input where the network does not see it.</summary>
    public (double X, double Y) ToInput(double imageX, double imageY) => (
        _placement.X + ((imageX - _placement.Source.X) / _placement.Source.Width * _placement.Width),
        _placement.Y + ((imageY - _placement.Source.Y) / _placement.Source.Height * _placement.Height));

    /// <summary>The point of the image that a point of the network's input shows.</summary>
    public (double X, double Y) FromInput(double inputX, double inputY) => (
        _placement.Source.X + ((inputX - _placement.X) / _placement.Width * _placement.Source.Width),
        _placement.Source.Y + ((inputY - _placement.Y) / _placement.Height * _placement.Source.Height));

    /// <summary>The colour at a point of the image, between the nearest drawn pixels; the background beyond the image.</summary>
    public (double Red, double Green, double Blue) ColorAt(double imageX, double imageY)
    {
        if (imageX < 0 || imageY < 0 || imageX > ImageWidth || imageY > ImageHeight)
        {
            return (PixelImage.Background, PixelImage.Background, PixelImage.Background);
        }

        double x = Math.Clamp((imageX / ImageWidth * Width) - 0.5, 0, Width - 1), y = Math.Clamp((imageY / ImageHeight * Height) - 0.5, 0, Height - 1);
        int left = (int)x, top = (int)y, right = Math.Min(left + 1, Width - 1), bottom = Math.Min(top + 1, Height - 1);
        return (At(0), At(1), At(2));

        double At(int channel) => double.Lerp(
            double.Lerp(Value(left, top, channel), Value(right, top, channel), x - left),
            double.Lerp(Value(left, bottom, channel), Value(right, bottom, channel), x - left),
            y - top);

        byte Value(int column, int row, int channel) => Pixels[(((row * Width) + column) * 3) + channel];
    }

    /// <summary>The point of the image that the middle of a drawn pixel shows.</summary>
    public (double X, double Y) ToImage(int x, int y) => ((x + 0.5) / Width * ImageWidth, (y + 0.5) / Height * ImageHeight);
}
