using System.Buffers.Binary;

namespace Microsoft.ML.ResNet.Images;

/// <summary>
/// Reads the EXIF orientation of a PNG file, which Skia doesn't: the chunk eXIf (PNG specification, third edition, section 11.3.3.8)
/// holds a TIFF structure whose first directory may have the tag 0x0112.
/// </summary>
internal static class PngOrientation
{
    private const int SignatureLength = 8;
    private const ushort OrientationTag = 0x0112;

    /// <summary>The orientation, 1 to 8; 1 where the file says nothing or its EXIF data are damaged.</summary>
    public static int Read(ReadOnlySpan<byte> png)
    {
        // A chunk is its length, its type, its data and a checksum.
        for (int position = SignatureLength; position + 12 <= png.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png[position..]);
            if (length > png.Length - position - 12)
            {
                break;
            }

            ReadOnlySpan<byte> type = png.Slice(position + 4, 4);
            if (type.SequenceEqual("eXIf"u8))
            {
                return ReadExif(png.Slice(position + 8, (int)length));
            }

            if (type.SequenceEqual("IEND"u8))
            {
                break;
            }

            position += (int)length + 12;
        }

        return 1;
    }

    private static int ReadExif(ReadOnlySpan<byte> tiff)
    {
        bool isBigEndian = tiff.StartsWith("MM\0*"u8);
        if (tiff.Length < 8 || !(isBigEndian || tiff.StartsWith("II*\0"u8)))
        {
            return 1;
        }

        uint directory = ReadUInt32(tiff[4..], isBigEndian);
        if (directory > tiff.Length - 2)
        {
            return 1;
        }

        int count = ReadUInt16(tiff[(int)directory..], isBigEndian);
        ReadOnlySpan<byte> entries = tiff[((int)directory + 2)..];
        for (int i = 0; i < count && entries.Length >= 12; i++, entries = entries[12..])
        {
            if (ReadUInt16(entries, isBigEndian) == OrientationTag)
            {
                int orientation = ReadUInt16(entries[8..], isBigEndian);
                return orientation is >= 1 and <= 8 ? orientation : 1;
            }
        }

        return 1;
    }

    private static ushort ReadUInt16(ReadOnlySpan<byte> data, bool isBigEndian)
        => isBigEndian ? BinaryPrimitives.ReadUInt16BigEndian(data) : BinaryPrimitives.ReadUInt16LittleEndian(data);

    private static uint ReadUInt32(ReadOnlySpan<byte> data, bool isBigEndian)
        => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(data) : BinaryPrimitives.ReadUInt32LittleEndian(data);
}
