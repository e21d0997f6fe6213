using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class ElfSegmentsTests
{
    [TestMethod]
    public void AreWhole_LibraryThatIsCutShort_IsFalse()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("ELF files are Linux's.");
        }

        using var folder = new TemporaryFolder();
        string library = NativeLibraryLocator.ForThisProcess().Find("c10")!, copy = folder.File("libc10.so");
        byte[] content = File.ReadAllBytes(library);
        Assert.IsTrue(ElfSegments.AreWhole(library));
        // Behind what is mapped lie symbols for debuggers only.
        foreach (double share in new[] { 0.0001, 0.1, 0.5 })
        {
            File.WriteAllBytes(copy, content[..(int)(content.Length * share)]);
            Assert.IsFalse(ElfSegments.AreWhole(copy), $"{share}");
        }
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("This is no library, however long the text that stands here may be made.")]
    public void AreWhole_SomethingElse_IsLeftToTheLoader(string content)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("library"), content);

        Assert.IsTrue(ElfSegments.AreWhole(folder.File("library")));
    }
}
