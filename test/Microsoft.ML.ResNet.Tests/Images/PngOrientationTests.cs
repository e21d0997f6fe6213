using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class PngOrientationTests
{
    private static byte[] Png => TestImages.Encode(SKEncodedImageFormat.Png, 6, 4, (x, y) => TestImages.Quadrant(x, y, 6, 4));

    [TestMethod]
    // The corners that JPEG files of the same orientation have: upper left, upper right, lower left, lower right.
    [DataRow(1, "RGBY")]
    [DataRow(2, "GRYB")]
    [DataRow(3, "YBGR")]
    [DataRow(4, "BYRG")]
    [DataRow(5, "RBGY")]
    [DataRow(6, "BRYG")]
    [DataRow(7, "YGBR")]
    [DataRow(8, "GYRB")]
    public void Decode_PngWithExif_TurnsUpright(int orientation, string corners)
    {
        foreach (bool isBigEndian in (bool[])[true, false])
        {
            byte[] file = PngWriter.WithChunk(Png, "eXIf", Exif(orientation, isBigEndian));

            using PixelImage image = ImageDecoder.Decode(file, "The image");

            Assert.AreEqual(orientation >= 5 ? (4, 6) : (6, 4), (image.Width, image.Height));
            int right = image.Width - 1, bottom = image.Height - 1;
            (int X, int Y)[] places = [(0, 0), (right, 0), (0, bottom), (right, bottom)];
            for (int i = 0; i < 4; i++)
            {
                (byte R, byte G, byte B) expected = corners[i] switch { 'R' => TestImages.Red, 'G' => TestImages.Green, 'B' => TestImages.Blue, _ => TestImages.Yellow };
                Assert.AreEqual(expected, TestImages.At(image, places[i].X, places[i].Y), $"corner {i}");
            }
        }
    }

    [TestMethod]
    public void Read_EveryDamage_LeavesTheImageAsItIs()
    {
        byte[] exif = Exif(6, isBigEndian: true), file = PngWriter.WithChunk(Png, "eXIf", exif);
        Assert.AreEqual(6, PngOrientation.Read(file));
        Assert.AreEqual(1, PngOrientation.Read(Png));
        Assert.AreEqual(1, PngOrientation.Read(PngWriter.WithChunk(Png, "eXIf", Exif(9, isBigEndian: true))));
        for (int length = 0; length < exif.Length; length++)
        {
            Assert.IsTrue(PngOrientation.Read(PngWriter.WithChunk(Png, "eXIf", exif[..length])) is 1 or 6);
        }

        for (int length = 0; length < file.Length; length++)
        {
            Assert.IsTrue(PngOrientation.Read(file.AsSpan(0, length)) is 1 or 6);
        }

        byte[] farDirectory = Exif(6, isBigEndian: true);
        farDirectory.AsSpan(4, 4).Fill(0xFF);
        Assert.AreEqual(1, PngOrientation.Read(PngWriter.WithChunk(Png, "eXIf", farDirectory)));
    }

    /// <summary>A TIFF structure with one entry, the orientation.</summary>
    private static byte[] Exif(int orientation, bool isBigEndian) => isBigEndian
        ? [.. "MM\0*"u8, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0, 0, 0, 0, 0]
        : [.. "II*\0"u8, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, (byte)orientation, 0, 0, 0, 0, 0, 0, 0];
}
