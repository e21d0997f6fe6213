using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Datasets;

/// <summary>What <c>LoadImageFolder</c> takes of a folder, what it leaves out, and that it says so.</summary>
[TestClass]
public sealed class ImageFolderTests
{
    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();
    private readonly LogRecorder _log;

    public ImageFolderTests() => _log = new LogRecorder(_context);

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow("a.jpg")]
    [DataRow("a.JPEG")]
    [DataRow("a.jfif")]
    [DataRow("a.jpe")]
    [DataRow("a")]
    [DataRow("a.data")]
    [DataRow("a.tif")]
    public void LoadImageFolder_JpegUnderAnyName_IsTaken(string name)
    {
        Write($"cat/{name}", Jpeg());

        CollectionAssert.AreEqual(new[] { _folder.File($"cat/{name}") }, Paths());
        Assert.IsEmpty(_log.Warnings);
    }

    [TestMethod]
    public void LoadImageFolder_EveryFormatWithoutExtension_IsTaken()
    {
        Write("cat/png", TestImages.Encode(SKEncodedImageFormat.Png, 8, 8, TestImages.Noise));
        Write("cat/webp", TestImages.Encode(SKEncodedImageFormat.Webp, 8, 8, TestImages.Noise));
        Write("cat/bmp.dib", TestImages.Bmp(8, 8, TestImages.Noise));
        Write("cat/bmp", TestImages.Bmp(8, 8, TestImages.Noise));
        Write("cat/gif", "GIF89a"u8.ToArray());

        Assert.HasCount(5, Paths());
    }

    [TestMethod]
    public void LoadImageFolder_OtherFiles_AreLeftOutWithAWarningByExtension()
    {
        Write("cat/a.jpg", Jpeg());
        Write("cat/b.tif", "II*\0"u8.ToArray());
        Write("cat/c.TIF", "II*\0"u8.ToArray());
        Write("cat/d.heic", "\0\0\0\u0018ftypheic"u8.ToArray());
        Write("dog/BMW", "BMW is a make of cars."u8.ToArray());
        Write("e.png", Jpeg());

        CollectionAssert.AreEqual(new[] { _folder.File("cat/a.jpg") }, Paths());

        CollectionAssert.AreEqual(
            new[]
            {
                $"Of the image folder '{_folder.Path}', files that hold no JPEG, PNG, WebP, BMP, GIF are left out: 2 .tif, 1 without extension, 1 .heic. Convert them, or remove them.",
                $"1 sub-folders of the image folder '{_folder.Path}' have no image and give no class: 'dog'.",
                $"1 images lie in the image folder '{_folder.Path}' itself, beside the sub-folders, and are left out: they have no class.",
            },
            _log.Warnings.ToArray());
    }

    [TestMethod]
    public void LoadImageFolder_OneImageAClassOfEveryExtension_GivesEveryClass()
    {
        string[] names = ["a.jpg", "a.jpeg", "a.jpe", "a.jfif", "a.JPG", "a", "a.png", "a.webp", "a.gif", "a.bin"];
        for (int i = 0; i < names.Length; i++)
        {
            Write($"class {i}/{names[i]}", Jpeg());
        }

        Assert.HasCount(10, _context.Data.LoadImageFolder(_folder.Path).GetColumn<string>("Label").Distinct());
    }

    [TestMethod]
    public void LoadImageFolder_HiddenFoldersAtAnyDepth_AreNoData()
    {
        Write("cat/a.jpg", Jpeg());
        Write("cat/.ipynb_checkpoints/x.png", Jpeg());
        Write("cat/more/.thumbnails/deep/x.png", Jpeg());
        Write("cat/more/.x.png", Jpeg());
        Write(".hidden/x.png", Jpeg());

        CollectionAssert.AreEqual(new[] { _folder.File("cat/a.jpg") }, Paths());
        Assert.IsEmpty(_log.Warnings);
    }

    [TestMethod]
    public void LoadImageFolder_LinksInALoop_ListEveryFileOnce()
    {
        RequireLinks();
        foreach (string name in (string[])["a", "b"])
        {
            Write($"cat/{name}.jpg", Jpeg());
            Write($"cat/more/{name}.jpg", Jpeg());
        }

        Directory.CreateSymbolicLink(_folder.File("cat/loop"), ".");
        Directory.CreateSymbolicLink(_folder.File("cat/more/up"), _folder.File("cat"));
        Directory.CreateSymbolicLink(_folder.File("cat/again"), "more");
        File.CreateSymbolicLink(_folder.File("cat/same.jpg"), "a.jpg");

        string[] expected = [.. new[] { "cat/a.jpg", "cat/b.jpg", "cat/more/a.jpg", "cat/more/b.jpg" }.Select(_folder.File)];
        CollectionAssert.AreEqual(expected, Paths());
        CollectionAssert.AreEqual(new[] { $"Of the image folder '{_folder.Path}', 4 links to files or folders that are listed already are left out." }, _log.Warnings.ToArray());
    }

    [TestMethod]
    public void LoadImageFolder_LinksToTheFolderItselfAndAbove_GiveNoClassTheImagesOfOthers()
    {
        RequireLinks();
        Write("data/cat/a.jpg", Jpeg());
        Write("data/dog/b.jpg", Jpeg());
        Directory.CreateSymbolicLink(_folder.File("data/cat/loop"), "..");
        Directory.CreateSymbolicLink(_folder.File("data/cat/above"), "../..");
        Directory.CreateSymbolicLink(_folder.File("data/all"), ".");
        IDataView images = _context.Data.LoadImageFolder(_folder.File("data"));

        CollectionAssert.AreEqual(new[] { _folder.File("data/cat/a.jpg"), _folder.File("data/dog/b.jpg") }, images.GetColumn<string>("ImagePath").ToArray());
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, images.GetColumn<string>("Label").ToArray());
        CollectionAssert.AreEqual(new[] { $"Of the image folder '{_folder.File("data")}', 3 links to files or folders that are listed already are left out." }, _log.Warnings.ToArray());
    }

    [TestMethod]
    public void LoadImageFolder_LinksToOtherPlaces_AreFollowed()
    {
        RequireLinks();
        using var elsewhere = new TemporaryFolder();
        Directory.CreateDirectory(elsewhere.File("images"));
        File.WriteAllBytes(elsewhere.File("images/a.jpg"), Jpeg());
        File.WriteAllBytes(elsewhere.File("b.jpg"), Jpeg());
        Directory.CreateDirectory(_folder.File("cat"));
        Directory.CreateSymbolicLink(_folder.File("cat/images"), elsewhere.File("images"));
        File.CreateSymbolicLink(_folder.File("cat/b.jpg"), elsewhere.File("b.jpg"));
        Directory.CreateSymbolicLink(_folder.File("dog"), elsewhere.File("images"));

        CollectionAssert.AreEqual(new[] { "cat/b.jpg", "cat/images/a.jpg", "dog/a.jpg" }.Select(_folder.File).ToArray(), Paths());
        Assert.IsEmpty(_log.Warnings);
    }

    private static byte[] Jpeg() => TestImages.Encode(SKEncodedImageFormat.Jpeg, 8, 8, TestImages.Noise);

    private string[] Paths() => [.. _context.Data.LoadImageFolder(_folder.Path).GetColumn<string>("ImagePath")];

    private void Write(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        File.WriteAllBytes(_folder.File(name), content);
    }

    private static void RequireLinks()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Symbolic links need a privilege on Windows.");
        }
    }
}
