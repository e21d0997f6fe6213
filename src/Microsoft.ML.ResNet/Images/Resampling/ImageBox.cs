namespace Microsoft.ML.ResNet.Images;

/// <summary>A rectangle in an image, in pixels. Pixel i covers i to i + 1; edges may lie between pixels.</summary>
internal readonly record struct ImageBox(double X, double Y, double Width, double Height)
{
    /// <summary>The smallest rectangle that has both in it.</summary>
    public static ImageBox Around(ImageBox first, ImageBox second)
    {
        double x = Math.Min(first.X, second.X), y = Math.Min(first.Y, second.Y);
        return new(x, y, Math.Max(first.X + first.Width, second.X + second.Width) - x, Math.Max(first.Y + first.Height, second.Y + second.Height) - y);
    }

    public static ImageBox Whole(int width, int height) => new(0, 0, width, height);
}
