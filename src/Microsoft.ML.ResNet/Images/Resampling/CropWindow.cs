namespace Microsoft.ML.ResNet.Images;

/// <summary>Cuts a window out of an image, which it may overlap only partly.</summary>
internal static class CropWindow
{
    /// <summary>Copies the window whose top left corner is at (<paramref name="left"/>, <paramref name="top"/>) of the image.</summary>
    /// <param name="destination">[height, width] pixels of <paramref name="pixelSize"/> bytes.</param>
    /// <param name="border">What the window shows outside the image.</param>
    public static void Copy(
        CachedImage image, int pixelSize, int left, int top, Span<byte> destination, int width, int height, CropBorder border = CropBorder.Black)
    {
        int firstColumn = Math.Clamp(-left, 0, width), endColumn = Math.Clamp(image.Width - left, firstColumn, width);
        int rowSize = width * pixelSize;
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = destination.Slice(y * rowSize, rowSize);
            int sourceY = border == CropBorder.Reflected ? Reflect(top + y, image.Height) : top + y;
            if (sourceY < 0 || sourceY >= image.Height)
            {
                row.Clear();
                continue;
            }

            ReadOnlySpan<byte> source = image.Pixels.Slice(sourceY * image.Width * pixelSize, image.Width * pixelSize);
            if (endColumn > firstColumn)
            {
                source.Slice((left + firstColumn) * pixelSize, (endColumn - firstColumn) * pixelSize).CopyTo(row[(firstColumn * pixelSize)..]);
            }

            Fill(row, 0, firstColumn, source, left, pixelSize, border);
            Fill(row, endColumn, width, source, left, pixelSize, border);
        }
    }

    /// <summary>Fills the columns from <paramref name="start"/> to <paramref name="end"/>, which lie outside the image.</summary>
    private static void Fill(Span<byte> row, int start, int end, ReadOnlySpan<byte> source, int left, int pixelSize, CropBorder border)
    {
        if (border == CropBorder.Black)
        {
            row[(start * pixelSize)..(end * pixelSize)].Clear();
            return;
        }

        for (int x = start; x < end; x++)
        {
            source.Slice(Reflect(left + x, source.Length / pixelSize) * pixelSize, pixelSize).CopyTo(row[(x * pixelSize)..]);
        }
    }

    /// <summary>The place in the image that a place outside mirrors, over and over where the image is smaller than the border.</summary>
    private static int Reflect(int place, int size)
    {
        int period = Math.Max(1, 2 * (size - 1));
        place = Math.Abs(place) % period;
        return place < size ? place : period - place;
    }
}
