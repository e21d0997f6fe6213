using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A small image by a formula that was run in Python as well.</summary>
internal static class TestPicture
{
    /// <summary>[height,width,channels].</summary>
    public static byte[] Bytes(int width, int height, int channels)
    {
        byte[] values = new byte[width * height * channels];
        for (int i = 0; i < values.Length; i++)
        {
            int channel = i % channels, x = i / channels % width, y = i / channels / width;
            values[i] = (byte)((x * 31) + (y * 57) + (channel * 83) + (x * y * 7));
        }

        return values;
    }

    /// <summary>The same as float32, white being <paramref name="white"/>.</summary>
    public static float[] Floats(int width, int height, int channels, float white) => [.. Bytes(width, height, channels).Select(value => value * white / 255)];

    public static ImageSpan<byte> Span(byte[] values, int width, int height, int channels = 3) => new(values, width, height, channels, white: 255);

    /// <summary>Compares with golden bytes.</summary>
    /// <param name="tolerance">Grey levels.</param>
    public static void AreEqual(string expected, byte[] actual, int tolerance = 0)
    {
        byte[] bytes = Convert.FromHexString(expected);
        Assert.HasCount(bytes.Length, actual);
        for (int i = 0; i < bytes.Length; i++)
        {
            Assert.IsLessThanOrEqualTo(tolerance, Math.Abs(bytes[i] - actual[i]), $"Value {i} is {actual[i]}, expected {bytes[i]}.");
        }
    }
}
