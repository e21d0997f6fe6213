using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>Image files as a column of byte vectors holds them.</summary>
internal static class EncodedBytes
{
    /// <summary>Begins the sentence of an error about the image of a row.</summary>
    public static string Source(long row) => $"The image in row {row}";

    /// <summary>A copy of a vector, dense or sparse.</summary>
    public static byte[] Copy(in VBuffer<byte> values)
    {
        byte[] bytes = new byte[values.Length];
        values.CopyTo(bytes);
        return bytes;
    }
}
