using System.Formats.Tar;
using System.IO.Compression;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Datasets;

/// <summary>What <c>LoadImageShards</c> lists, what its paths give, and what it says of tar files that are not whole.</summary>
[TestClass]
public sealed class ImageShardsTests
{
    private static readonly string s_long = $"{new string('d', 120)}/{new string('n', 110)}";

    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();
    private readonly LogRecorder _log;

    public ImageShardsTests() => _log = new LogRecorder(_context);

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    [DataRow(TarEntryFormat.V7)]
    [DataRow(TarEntryFormat.Ustar)]
    [DataRow(TarEntryFormat.Pax)]
    [DataRow(TarEntryFormat.Gnu)]
    public void Paths_AnyTarFormat_GiveTheImages(TarEntryFormat format)
    {
        TarFiles.Write(Tar("a"), format, ("./cats/1.png", Picture(1)), ("cats/empty.txt", []), ("dogs/größe.png", Picture(2)), ("dogs/3.PNG", Picture(3)));

        (string Path, string Label)[] rows = Rows(Tar("a"));

        CollectionAssert.AreEqual(new[] { ("cats/1.png", "cats"), ("dogs/größe.png", "dogs"), ("dogs/3.PNG", "dogs") }, rows.Select(row => (row.Path[(Tar("a").Length + 1)..], row.Label)).ToArray());
        for (int i = 0; i < rows.Length; i++)
        {
            using EncodedFile file = EncodedFile.Read(rows[i].Path);
            CollectionAssert.AreEqual(Picture(i + 1), file.Content.ToArray());
            Assert.AreEqual(rows[i].Path, file.Path);
        }

        StringAssert.Contains(_log.Warnings.Single(), "1 files are left out, the first 'cats/empty.txt'");
    }

    [TestMethod]
    [DataRow(TarEntryFormat.Pax)]
    [DataRow(TarEntryFormat.Gnu)]
    public void Paths_LongNames_GiveTheImages(TarEntryFormat format)
    {
        TarFiles.Write(Tar("a"), format, ($"{s_long}.png", Picture(1)), ($"{s_long}2.png", Picture(2)));

        (string Path, string Label)[] rows = Rows(Tar("a"));

        CollectionAssert.AreEqual(new[] { $"{s_long}.png", $"{s_long}2.png" }, rows.Select(row => row.Path[(Tar("a").Length + 1)..]).ToArray());
        using EncodedFile file = EncodedFile.Read(rows[1].Path);
        CollectionAssert.AreEqual(Picture(2), file.Content.ToArray());
    }

    [TestMethod]
    [DataRow("cls", "7", "7")]
    [DataRow("cls", " cat\n", "cat")]
    [DataRow("txt", "a cat", "a cat")]
    [DataRow("json", """{"caption": "c", "label": "cat"}""", "cat")]
    [DataRow("json", """{"cls": 12}""", "12")]
    [DataRow("CLS", "7", "7")]
    public void Labels_BesideTheImages_AreRead(string extension, string content, string label)
    {
        TarFiles.Write(
            Tar("a"),
            ("x/1.png", Picture(1)), ($"x/1.{extension}", TarFiles.Text(content)), ("x/1.mask.png", Picture(9)),
            ($"x/2.{extension}", TarFiles.Text(content)), ("x/2.jpg", Picture(2)), ("x/2.npy", [1]));

        CollectionAssert.AreEqual(new[] { ($"{Tar("a")}/x/1.png", label), ($"{Tar("a")}/x/2.jpg", label) }, Rows(Tar("a")));
        Assert.IsEmpty(_log.Warnings);
    }

    /// <summary>Files that belong to no image say nothing of where labels are.</summary>
    [TestMethod]
    public void Labels_BesideFilesOfNoImage_AreRead()
    {
        TarFiles.Write(Tar("a"), ("info.json", TarFiles.Text("{}")), ("readme.cls", TarFiles.Text("x")), ("1.png", Picture(1)), ("1.json", TarFiles.Text("""{"label": "cat"}""")));

        Assert.AreEqual("cat", Rows(Tar("a")).Single().Label);
    }

    [TestMethod]
    public void Labels_OfAnExtension_AreReadFromThere()
    {
        TarFiles.Write(Tar("a"), ("1.png", Picture(1)), ("1.cls", TarFiles.Text("7")), ("1.breed", TarFiles.Text("beagle")));

        Assert.AreEqual("beagle", Rows(Tar("a"), ".breed").Single().Label);
        Assert.AreEqual("7", Rows(Tar("a")).Single().Label);
    }

    [TestMethod]
    public void Labels_Missing_NameTheImage()
    {
        TarFiles.Write(Tar("a"), ("1.png", Picture(1)), ("1.cls", TarFiles.Text("7")), ("2.png", Picture(2)), ("3.cls", TarFiles.Text("8")));
        TarFiles.Write(Tar("b"), ("1.png", Picture(1)), ("1.cls", TarFiles.Text("  ")));
        TarFiles.Write(Tar("c"), ("1.json", TarFiles.Text("""{"label": 1}""")), ("1.png", Picture(1)), ("2.json", TarFiles.Text("[1]")), ("2.png", Picture(1)));
        TarFiles.Write(Tar("d"), ("cats/1.png", Picture(1)), ("2.png", Picture(1)));
        TarFiles.Write(Tar("e"), ("1.png", Picture(1)), ("1.jpg", Picture(1)), ("1.cls", TarFiles.Text("7")));

        StringAssert.Contains(Fault("a"), $"'2.png' of the tar file '{Tar("a")}' has no label, expected '2.cls' next to it.");
        StringAssert.Contains(Fault("b"), $"'1.cls' of the tar file '{Tar("b")}' has no label, expected a number or a name.");
        StringAssert.Contains(Fault("c"), "'2.json'");
        StringAssert.Contains(Fault("c"), "expected a JSON object with 'label', 'cls' or 'class'.");
        StringAssert.Contains(Fault("d"), "'2.png'");
        StringAssert.Contains(Fault("d"), "is in no folder, expected one with the name of its class");
        StringAssert.Contains(Fault("e"), "The sample '1' of the tar file");
        StringAssert.Contains(Fault("e"), "has both '1.png' and '1.jpg', expected one of them.");
    }

    [TestMethod]
    public void Labels_Nowhere_AreEmptyWithAWarning()
    {
        TarFiles.Write(Tar("a"), ("1.png", Picture(1)), ("2.png", Picture(2)));

        CollectionAssert.AreEqual(new[] { ($"{Tar("a")}/1.png", ""), ($"{Tar("a")}/2.png", "") }, Rows(Tar("a")));
        StringAssert.Contains(_log.Warnings.Single(), "has no labels: neither files with .cls, .json or .txt beside the images, nor folders.");
    }

    [TestMethod]
    public void Shards_ByFolderPatternAndRange_AreTakenInOrder()
    {
        foreach (string name in new[] { "t-2", "t-0", "t-1", "v-0" })
        {
            TarFiles.Write(Tar(name), ($"cats/{name}.png", Picture(1)));
        }

        string Names(string shards) => string.Join(' ', Rows(shards).Select(row => Path.GetFileNameWithoutExtension(row.Path)));
        Assert.AreEqual("t-0 t-1 t-2 v-0", Names(_folder.Path));
        Assert.AreEqual("t-0 t-1 t-2", Names(_folder.File("t-?.tar")));
        Assert.AreEqual("t-0 t-1", Names(_folder.File("t-{0..1}.tar")));
        Assert.AreEqual("v-0", Names(_folder.File("v-0.tar")));
    }

    [TestMethod]
    public void Shards_Missing_SayWhat()
    {
        TarFiles.Write(Tar("t-0"), ("cats/1.png", Picture(1)));
        Directory.CreateDirectory(_folder.File("empty"));
        File.WriteAllBytes(_folder.File("a.tgz"), [1]);

        Assert.AreEqual($"The folder '{Tar("t-0")}' of the tar files '{Tar("t-0")}/*.tar' is a file.", Assert.ThrowsExactly<DirectoryNotFoundException>(() => _context.Data.LoadImageShards($"{Tar("t-0")}/*.tar")).Message);
        Assert.AreEqual($"The tar file '{Tar("t-1")}' does not exist.", Assert.ThrowsExactly<FileNotFoundException>(() => _context.Data.LoadImageShards(_folder.File("t-{0..1}.tar"))).Message);
        StringAssert.StartsWith(Assert.ThrowsExactly<FileNotFoundException>(() => _context.Data.LoadImageShards(_folder.File("x-*.tar"))).Message, "No file matches ");
        StringAssert.StartsWith(Assert.ThrowsExactly<FileNotFoundException>(() => _context.Data.LoadImageShards(_folder.File("empty"))).Message, "The folder ");
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => _context.Data.LoadImageShards(_folder.File("no/x-*.tar")));
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => _context.Data.LoadImageShards(_folder.File("a.tgz"))).Message, "is not named as a tar file, expected a name that ends with '.tar'.");
    }

    [TestMethod]
    public void Shards_NotWhole_AreNeverReadAsFewerImages()
    {
        (string, byte[])[] files = [.. Enumerable.Range(0, 20).Select(i => ($"cats/{i}.png", Picture(i)))];
        byte[] whole = File.ReadAllBytes(TarFiles.Write(Tar("whole"), files));
        Assert.HasCount(20, Rows(Tar("whole")));
        byte[] zip = new byte[whole.Length];
        using (var stream = new GZipStream(new MemoryStream(zip), CompressionLevel.Fastest))
        {
            stream.Write(whole);
        }

        int end = whole.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        for (int length = 0; length < end + 512; length += 487)
        {
            File.WriteAllBytes(Tar("a"), whole[..length]);
            StringAssert.Contains(Fault("a"), $"'{Tar("a")}' ends ", $"{length} bytes");
        }

        File.WriteAllBytes(Tar("a"), [.. whole, .. whole]);
        StringAssert.Contains(Fault("a"), "goes on behind its end, as when several are put together with 'cat'.");
        File.WriteAllBytes(Tar("a"), zip);
        StringAssert.Contains(Fault("a"), $"'{Tar("a")}' is no tar file: ");
        int header = 512 * Enumerable.Range(1, (end / 512) - 1).Last(block => whole.AsSpan((block * 512) + 257, 5).SequenceEqual("ustar"u8));
        byte[] damaged = [.. whole];
        damaged[header + 130] = (byte)'x';
        File.WriteAllBytes(Tar("a"), damaged);
        StringAssert.Contains(Fault("a"), "is damaged after ");
    }

    [TestMethod]
    public void Paths_OfAFileThatHasChanged_AreRefused()
    {
        TarFiles.Write(Tar("a"), ("cats/1.png", Picture(1)), ("cats/2.png", Picture(2)));
        ImageFile file = ImageFile.Find($"{Tar("a")}/cats/2.png");
        TarFiles.Write(Tar("a"), ("cats/0.png", new byte[5000]), ("cats/1.png", Picture(1)), ("cats/2.png", Picture(2)));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => EncodedFile.Read(file)).Message, "has changed since its files were listed");
        using EncodedFile again = EncodedFile.Read($"{Tar("a")}/cats/2.png");
        CollectionAssert.AreEqual(Picture(2), again.Content.ToArray());
    }

    [TestMethod]
    public void Paths_ThatAreNotThere_SayWhat()
    {
        TarFiles.Write(Tar("a"), ("cats/1.png", Picture(1)), ("cats/2.png", Picture(2)), ("cats/2.png", Picture(3)));
        Directory.CreateDirectory(_folder.File("folder.tar"));
        File.WriteAllBytes(_folder.File("folder.tar/1.png"), Picture(4));

        Assert.AreEqual($"The tar file '{Tar("a")}' has no file 'cats/3.png'.", Assert.ThrowsExactly<FileNotFoundException>(() => EncodedFile.Read($"{Tar("a")}/cats/3.png")).Message);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => EncodedFile.Read($"{Tar("a")}/cats/2.png")).Message, "has several files of the name 'cats/2.png', expected one.");
        StringAssert.Contains(Assert.ThrowsExactly<DirectoryNotFoundException>(() => EncodedFile.Read($"{Tar("b")}/cats/3.png")).Message, "does not exist");
        using EncodedFile file = EncodedFile.Read(_folder.File("folder.tar/1.png"));
        CollectionAssert.AreEqual(Picture(4), file.Content.ToArray());
    }

    [TestMethod]
    public void LinksAndNoImages_AreSaid()
    {
        using (FileStream stream = File.Create(Tar("a")))
        {
            using var writer = new TarWriter(stream);
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "cats/1.png") { DataStream = new MemoryStream(Picture(1)) });
            writer.WriteEntry(new PaxTarEntry(TarEntryType.HardLink, "cats/2.png") { LinkName = "cats/1.png" });
        }

        TarFiles.Write(Tar("b"), ("cats/1.tif", Picture(1)));

        Assert.HasCount(1, Rows(Tar("a")));
        StringAssert.Contains(_log.Warnings.Single(), $"1 files are left out, the first 'cats/2.png' of '{Tar("a")}': links,");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Rows(Tar("b"))).Message, $"No tar file of '{Tar("b")}' has an image, expected files of the formats JPEG");
    }

    private static byte[] Picture(int i) => TestImages.Encode(SKEncodedImageFormat.Png, 8 + i, 8, TestImages.Noise);

    private string Tar(string name) => _folder.File($"{name}.tar");

    private string Fault(string name) => Assert.ThrowsExactly<InvalidDataException>(() => Rows(Tar(name))).Message;

    private (string Path, string Label)[] Rows(string shards, string? labelExtension = null)
    {
        IDataView data = _context.Data.LoadImageShards(shards, labelExtension);
        return [.. data.GetColumn<string>("ImagePath").Zip(data.GetColumn<string>("Label"))];
    }
}
