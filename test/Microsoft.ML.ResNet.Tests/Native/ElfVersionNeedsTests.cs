using System.Text;
using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class ElfVersionNeedsTests
{
    [TestMethod]
    public void MarkWeak_LibraryThatNeedsTheVersion_SetsOnlyThatEntrysFlag()
    {
        byte[] image = ElfWithVersionNeeds("GLIBCXX_3.4.30", "GLIBCXX_3.4.32");
        byte[] before = (byte[])image.Clone();

        Assert.IsTrue(ElfVersionNeeds.MarkWeak(image, "GLIBCXX_3.4.32"));

        int[] changed = [.. Enumerable.Range(0, image.Length).Where(i => image[i] != before[i])];
        CollectionAssert.AreEqual(new[] { SecondEntry + 4 }, changed);
        Assert.AreEqual(2, image[SecondEntry + 4]);
    }

    [TestMethod]
    public void MarkWeak_VersionThatIsNotNeeded_ChangesNothing()
    {
        byte[] image = ElfWithVersionNeeds("GLIBCXX_3.4.30", "GLIBCXX_3.4.31");
        byte[] before = (byte[])image.Clone();

        Assert.IsFalse(ElfVersionNeeds.MarkWeak(image, "GLIBCXX_3.4.32"));
        CollectionAssert.AreEqual(before, image);
    }

    [TestMethod]
    public void MarkWeak_NoElfFile_SaysSo()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => ElfVersionNeeds.MarkWeak(new byte[100], "GLIBCXX_3.4.32"));
        Assert.AreEqual("Not a 64-bit little-endian ELF library.", exception.Message);
    }

    [TestMethod]
    public void MarkWeak_EveryTruncation_GivesAnErrorOrNothing()
    {
        byte[] image = ElfWithVersionNeeds("GLIBCXX_3.4.30", "GLIBCXX_3.4.32");
        for (int length = 0; length < image.Length; length++)
        {
            byte[] truncated = image[..length];
            try
            {
                ElfVersionNeeds.MarkWeak(truncated, "GLIBCXX_3.4.32");
            }
            catch (InvalidDataException)
            {
            }
        }
    }

    private const int Needs = 0x100;
    private const int SecondEntry = Needs + 32;

    /// <summary>A minimal ELF file: header, a section table with .gnu.version_r and its strings, one Verneed record with two versions.</summary>
    private static byte[] ElfWithVersionNeeds(string first, string second)
    {
        byte[] image = new byte[0x300];
        "\u007fELF\u0002\u0001"u8.CopyTo(image);
        const int sections = 0x40, strings = 0x200;
        Put(image, 0x28, (ulong)sections);
        Put(image, 0x3A, (ushort)64);
        Put(image, 0x3C, (ushort)2);
        Put(image, sections + 4, 0x6ffffffeu);
        Put(image, sections + 0x18, (ulong)Needs);
        Put(image, sections + 0x28, 1u);
        Put(image, sections + 64 + 4, 3u);
        Put(image, sections + 64 + 0x18, (ulong)strings);
        Put(image, Needs + 2, (ushort)2);
        Put(image, Needs + 8, 16u);
        Put(image, Needs + 16 + 8, 1u);
        Put(image, Needs + 16 + 12, 16u);
        Put(image, SecondEntry + 8, (uint)(first.Length + 2));
        Encoding.ASCII.GetBytes($"\0{first}\0{second}\0").CopyTo(image, strings);
        return image;
    }

    private static void Put(byte[] image, int offset, ushort value) => BitConverter.TryWriteBytes(image.AsSpan(offset), value);

    private static void Put(byte[] image, int offset, uint value) => BitConverter.TryWriteBytes(image.AsSpan(offset), value);

    private static void Put(byte[] image, int offset, ulong value) => BitConverter.TryWriteBytes(image.AsSpan(offset), value);
}
