using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Looks whether a library is whole before it is loaded. The system's loader doesn't: it maps what the header speaks of, and the
/// process ends where it touches a page that a broken download left out.
/// </summary>
internal static class ElfSegments
{
    private const int HeaderLength = 64;
    private const int ProgramHeaderLength = 56;

    /// <summary>False where the file ends before the last byte that its program headers map. What is no 64-bit ELF file is left to the loader.</summary>
    public static bool AreWhole(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        Span<byte> header = stackalloc byte[HeaderLength], entry = stackalloc byte[ProgramHeaderLength];
        if (RandomAccess.Read(file, header, 0) < HeaderLength || !header.StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return true;
        }

        // Elf64_Ehdr: e_phoff, e_phentsize, e_phnum; Elf64_Phdr: p_offset, p_filesz.
        long start = BinaryPrimitives.ReadInt64LittleEndian(header[32..]), length = RandomAccess.GetLength(file);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[54..]), count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        for (int i = 0; i < count; i++)
        {
            if (start < 0 || start > length || RandomAccess.Read(file, entry, start + ((long)i * size)) < ProgramHeaderLength)
            {
                return false;
            }

            UInt128 end = (UInt128)BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]) + BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
            if (end > (UInt128)length)
            {
                return false;
            }
        }

        return true;
    }
}
