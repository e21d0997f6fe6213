using System.Buffers.Binary;
using System.Text;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Reads and edits the symbol-version needs of a 64-bit little-endian ELF library: the section <c>.gnu.version_r</c>, which tells
/// the dynamic loader which versions of other libraries' symbols must exist (Linux Standard Base, "Symbol Versioning").
/// </summary>
internal static class ElfVersionNeeds
{
    private const uint VerneedSectionType = 0x6ffffffe; // SHT_GNU_verneed
    private const ushort WeakFlag = 0x2;                // VER_FLG_WEAK: a missing version is reported, not fatal

    /// <summary>Marks the need for <paramref name="version"/> as weak, in place.</summary>
    /// <returns>Whether the library has such a need.</returns>
    /// <exception cref="InvalidDataException"><paramref name="image"/> is no 64-bit little-endian ELF file, or is damaged.</exception>
    public static bool MarkWeak(Span<byte> image, string version)
    {
        if (image.Length < 64 || !image[..6].SequenceEqual("\u007fELF\u0002\u0001"u8))
        {
            throw new InvalidDataException("Not a 64-bit little-endian ELF library.");
        }

        try
        {
            return MarkWeakCore(image, version);
        }
        catch (Exception exception) when (exception is ArgumentOutOfRangeException or OverflowException)
        {
            throw new InvalidDataException("The ELF library's section table points outside the file.", exception);
        }
    }

    private static bool MarkWeakCore(Span<byte> image, string version)
    {
        int sectionTable = checked((int)ReadUInt64(image, 0x28));
        int sectionSize = ReadUInt16(image, 0x3A);
        int sectionCount = ReadUInt16(image, 0x3C);
        bool found = false;
        for (int i = 0; i < sectionCount; i++)
        {
            int section = sectionTable + (i * sectionSize);
            if (ReadUInt32(image, section + 4) == VerneedSectionType)
            {
                int needs = checked((int)ReadUInt64(image, section + 0x18));
                int stringSection = sectionTable + (checked((int)ReadUInt32(image, section + 0x28)) * sectionSize);
                int strings = checked((int)ReadUInt64(image, stringSection + 0x18));
                found |= MarkWeakInSection(image, needs, strings, version);
            }
        }

        return found;
    }

    /// <summary>Walks the Verneed records (one a library) and their Vernaux entries (one a version).</summary>
    private static bool MarkWeakInSection(Span<byte> image, int need, int strings, string version)
    {
        bool found = false;
        while (true)
        {
            int entryCount = ReadUInt16(image, need + 2);
            int entry = checked(need + (int)ReadUInt32(image, need + 8));
            for (int i = 0; i < entryCount; i++)
            {
                int name = checked(strings + (int)ReadUInt32(image, entry + 8));
                if (NameEquals(image[name..], version))
                {
                    Span<byte> flags = image.Slice(entry + 4, 2);
                    BinaryPrimitives.WriteUInt16LittleEndian(flags, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(flags) | WeakFlag));
                    found = true;
                }

                entry = checked(entry + (int)ReadUInt32(image, entry + 12));
            }

            uint next = ReadUInt32(image, need + 12);
            if (next == 0)
            {
                return found;
            }

            need = checked(need + (int)next);
        }
    }

    private static bool NameEquals(ReadOnlySpan<byte> text, string name)
    {
        int length = text.IndexOf((byte)0);
        return length == name.Length && Encoding.ASCII.GetString(text[..length]) == name;
    }

    private static ushort ReadUInt16(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(image.Slice(offset, 2));

    private static uint ReadUInt32(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(image.Slice(offset, 4));

    private static ulong ReadUInt64(ReadOnlySpan<byte> image, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(image.Slice(offset, 8));
}
