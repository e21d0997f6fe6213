namespace Microsoft.ML.ResNet.Images;

/// <summary>Cuts a window out of an image, which it may overlap only partly: outside the image the window is zero (black).</summary>
internal static class CropWindow
{
    /// <summary>Copies the window whose top left corner is at (<paramref name="left"/>, <paramref name="top"/>) of the image.</summary>
    /// <param name="destination">[height, width] pixels of <paramref name="pixelSize"/> bytes.</param>
    /// <param name="mirror">Whether left and right change places.</param>
    public static void Copy(CachedImage image, int pixelSize, int left, int top, Span<byte> destination, int width, int height, bool mirror)
    {
        int firstColumn = Math.Max(0, -left), endColumn = Math.Min(width, image.Width - left);
        int rowSize = width * pixelSize;
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = destination.Slice(y * rowSize, rowSize);
            int sourceY = top + y;
            if (sourceY < 0 || sourceY >= image.Height || endColumn <= firstColumn)
            {
                row.Clear();
                continue;
            }

            row[..(firstColumn * pixelSize)].Clear();
            row[(endColumn * pixelSize)..].Clear();
            image.Pixels
                .Slice(((sourceY * image.Width) + left + firstColumn) * pixelSize, (endColumn - firstColumn) * pixelSize)
                .CopyTo(row[(firstColumn * pixelSize)..]);
            if (mirror)
            {
                Mirror(row, pixelSize);
            }
        }
    }

    private static void Mirror(Span<byte> row, int pixelSize)
    {
        for (int i = 0, j = row.Length - pixelSize; i < j; i += pixelSize, j -= pixelSize)
        {
            for (int k = 0; k < pixelSize; k++)
            {
                (row[i + k], row[j + k]) = (row[j + k], row[i + k]);
            }
        }
    }
}
