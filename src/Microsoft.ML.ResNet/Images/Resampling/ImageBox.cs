namespace Microsoft.ML.ResNet.Images;

/// <summary>A rectangle in an image, in pixels. Pixel i covers i to i + 1; edges may lie between pixels.</summary>
internal readonly record struct ImageBox(double X, double Y, double Width, double Height)
{
    public static ImageBox Whole(int width, int height) => new(0, 0, width, height);
}
