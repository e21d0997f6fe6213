using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
[DoNotParallelize]
public sealed class PatchedLibraryCacheTests
{
    private const string Advice = "Give the process a home or a temporary folder that it may write and that is not mounted with noexec (the variables HOME or XDG_DATA_HOME, and TMPDIR, name them), "
        + "or install a libstdc++ of GCC 13 or later.";

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Use_SecondTime_TakesTheSameCopy()
    {
        using var folder = new TemporaryFolder();
        var cache = new PatchedLibraryCache(Path.Combine(folder.Path, "cache"));

        string first = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, path => path);
        DateTime written = File.GetLastWriteTimeUtc(first);
        string second = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, path => path);

        Assert.AreEqual(first, second);
        Assert.AreEqual(written, File.GetLastWriteTimeUtc(second));
        CollectionAssert.AreEqual(new[] { first }, Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories));
    }

    [TestMethod]
    public void Use_CopyThatWasTamperedWith_IsReplaced()
    {
        using var folder = new TemporaryFolder();
        var cache = new PatchedLibraryCache(folder.Path);
        byte[] good = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, File.ReadAllBytes);
        string path = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Single();
        File.WriteAllBytes(path, [1, 2, 3]);

        byte[] again = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, File.ReadAllBytes);

        CollectionAssert.AreEqual(good, again);
    }

    [TestMethod]
    public void Use_FolderThatCannotBeWritten_TakesATemporaryCopyAndRemovesIt()
    {
        using var folder = new TemporaryFolder();
        string occupied = Path.Combine(folder.Path, "a-file");
        File.WriteAllText(occupied, "");
        var cache = new PatchedLibraryCache(occupied);

        string path = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, copy =>
        {
            Assert.IsTrue(File.Exists(copy));
            return copy;
        });

        Assert.IsFalse(File.Exists(path));
        Assert.IsFalse(Directory.Exists(Path.GetDirectoryName(path)));
    }

    [TestMethod]
    public void Use_NoFolderThatCanBeWritten_SaysWhatToDo()
    {
        string library = TorchSharpLibrary();
        const string nowhere = "/proc/nowhere";
        string? before = Environment.GetEnvironmentVariable("TMPDIR");
        try
        {
            Environment.SetEnvironmentVariable("TMPDIR", nowhere);

            string message = Assert.ThrowsExactly<DllNotFoundException>(
                () => new PatchedLibraryCache(nowhere).Use(library, NativeTorch.SymbolVersionThatMayBeMissing, path => path)).Message;

            TestContext.WriteLine(message);
            StringAssert.StartsWith(
                message, $"This system's libstdc++ is too old for '{library}', and there is no place for a copy that loads with it: '{nowhere}' can't be written (");
            StringAssert.Contains(message, $"); '{nowhere}/' can't be written (");
            StringAssert.EndsWith(message, Advice);
        }
        finally
        {
            Environment.SetEnvironmentVariable("TMPDIR", before);
        }
    }

    [TestMethod]
    public void Use_FolderThatCodeMayNotRunFrom_TakesATemporaryCopyAndRemovesIt()
    {
        using var folder = new TemporaryFolder();
        var cache = new PatchedLibraryCache(folder.Path, path => !path.StartsWith(folder.Path, StringComparison.Ordinal));

        string path = cache.Use(TorchSharpLibrary(), NativeTorch.SymbolVersionThatMayBeMissing, copy =>
        {
            Assert.IsTrue(File.Exists(copy));
            return copy;
        });

        StringAssert.StartsWith(path, Path.GetTempPath());
        Assert.IsFalse(path.StartsWith(folder.Path, StringComparison.Ordinal));
        Assert.IsFalse(Directory.Exists(Path.GetDirectoryName(path)));
    }

    [TestMethod]
    public void Use_NoFolderThatCodeMayRunFrom_SaysNoexec()
    {
        using var folder = new TemporaryFolder();
        string library = TorchSharpLibrary();
        List<string> copies = [];
        var cache = new PatchedLibraryCache(folder.Path, path =>
        {
            copies.Add(path);
            return false;
        });

        string message = Assert.ThrowsExactly<DllNotFoundException>(() => cache.Use(library, NativeTorch.SymbolVersionThatMayBeMissing, path => path)).Message;

        TestContext.WriteLine(message);
        Assert.AreEqual(
            $"This system's libstdc++ is too old for '{library}', and there is no place for a copy that loads with it: "
            + $"'{folder.Path}' is of no use, since no code may run from its file system, as where it is mounted with noexec; "
            + $"'{Path.GetTempPath()}' is of no use, since no code may run from its file system, as where it is mounted with noexec. {Advice}",
            message);
        Assert.IsFalse(Directory.Exists(Path.GetDirectoryName(copies[1])));
    }

    private static string TorchSharpLibrary()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("Only the Linux build of TorchSharp is patched.");
        }

        return NativeLibraryLocator.ForThisProcess().Find("LibTorchSharp")!;
    }
}
