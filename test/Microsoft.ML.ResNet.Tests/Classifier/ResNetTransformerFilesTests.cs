using System.IO.Compression;
using System.Text;
using TorchSharp;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Classifier;

/// <summary>The transformer's files: models by ML.NET, and weights.</summary>
[TestClass]
public sealed class ResNetTransformerFilesTests
{
    private static readonly MLContext Context = new(1);
    private static IDataView s_data = null!;
    private static ITransformer s_model = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_data = Context.Data.LoadFromEnumerable(Create(70));
        s_model = Fit(Context, s_data, Options(epochs: 2));
    }

    [ClassCleanup]
    public static void Free() => ((IDisposable)s_model).Dispose();

    [TestMethod]
    public void SaveAndLoad_GiveTheSameModel()
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(s_model, s_data.Schema, folder.File("model.zip"));

        var other = new MLContext(99);
        using var loaded = (IDisposable)other.Model.Load(folder.File("model.zip"), out DataViewSchema schema);

        Assert.IsNotNull(schema.GetColumnOrNull("Features"));
        float[][] expected = Scores(s_model, s_data), actual = Scores((ITransformer)loaded, s_data);
        for (int i = 0; i < expected.Length; i++)
        {
            CollectionAssert.AreEqual(expected[i], actual[i]);
        }

        ResNetTransformer before = ResNetOf(s_model), after = ResNetOf((ITransformer)loaded);
        Assert.AreEqual(before.Specification, after.Specification);
        Assert.AreEqual(before.Preprocessing, after.Preprocessing);
        CollectionAssert.AreEqual(before.ClassNames.ToArray(), after.ClassNames.ToArray());
        CollectionAssert.AreEqual(before.TrainingHistory.ToArray(), after.TrainingHistory.ToArray());
    }

    [TestMethod]
    public void Save_HoldsNoAbsolutePathAndNoPickle()
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(s_model, s_data.Schema, folder.File("model.zip"));

        using ZipArchive zip = ZipFile.OpenRead(folder.File("model.zip"));
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using var content = new MemoryStream();
            using Stream stream = entry.Open();
            stream.CopyTo(content);
            string text = Encoding.Latin1.GetString(content.ToArray());
            StringAssert.DoesNotMatch(text, new($"{System.Text.RegularExpressions.Regex.Escape(folder.Path)}|{System.Text.RegularExpressions.Regex.Escape(AppContext.BaseDirectory)}|cposix|c__builtin__"));
            Assert.IsFalse(Path.IsPathRooted(entry.FullName));
        }

        Assert.IsTrue(zip.Entries.Any(entry => entry.Name == "Weights.safetensors"));
        Assert.IsTrue(zip.Entries.Any(entry => entry.Name == "Description.json"));
    }

    [TestMethod]
    public void Save_Weights_AreStoredAsTheyAre()
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(s_model, s_data.Schema, folder.File("model.zip"));

        using ZipArchive zip = ZipFile.OpenRead(folder.File("model.zip"));
        ZipArchiveEntry weights = zip.Entries.Single(entry => entry.Name == "Weights.safetensors");
        Assert.AreEqual(weights.Length, weights.CompressedLength, "Deflating weights takes seconds, and makes them a twentieth smaller.");
    }

    /// <summary>Weights that are stored as they are are read out of the file, those that another program packed by ML.NET. Windows has backslashes in the names.</summary>
    [TestMethod]
    [DataRow(CompressionLevel.NoCompression, '/')]
    [DataRow(CompressionLevel.NoCompression, '\\')]
    [DataRow(CompressionLevel.Optimal, '/')]
    public void Load_PackedAgain_GivesTheSameModel(CompressionLevel level, char separator)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.zip");
        Context.Model.Save(s_model, s_data.Schema, path);
        ModelZip.Repack(path, level, name => name.Replace('/', separator));

        using var loaded = (IDisposable)new MLContext().Model.Load(path, out _);

        CollectionAssert.AreEqual(Scores(s_model, s_data).SelectMany(row => row).ToArray(), Scores((ITransformer)loaded, s_data).SelectMany(row => row).ToArray());
    }

    /// <summary>One bit of a weight changes scores by anything, and nothing else tells.</summary>
    [TestMethod]
    public void Load_WeightsWithAFlippedBit_SaysThatTheFileIsDamaged()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.zip");
        Context.Model.Save(s_model, s_data.Schema, path);
        byte[] file = File.ReadAllBytes(path), weights = [];
        ModelZip.Repack(path, CompressionLevel.NoCompression, change: (name, content) => name == "Weights.safetensors" ? weights = content : content);
        int last = file.AsSpan().IndexOf(weights.AsSpan(weights.Length - 64)) + 63;
        file[last] ^= 0x40;
        File.WriteAllBytes(path, file);

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(path, out _));

        Assert.Contains("The model file is damaged: a part of it has another checksum than when it was written.", Chain(exception).OfType<InvalidDataException>().First().Message);
        Assert.Contains("has another checksum than when it was written", Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(path)).Message);
    }

    /// <summary>A file that ends early is told from its length, before the network has memory.</summary>
    [TestMethod]
    [DoNotParallelize]
    [DataRow(CompressionLevel.NoCompression)]
    [DataRow(CompressionLevel.Optimal)]
    public void Load_WeightsCutShort_SaysWhere(CompressionLevel level)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.zip");
        Context.Model.Save(s_model, s_data.Schema, path);
        ModelZip.Repack(path, level, change: (name, content) => name == "Weights.safetensors" ? content[..^4] : content);
        long tensors = LiveTensors.CountAfterCollection();

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(path, out _));

        Assert.Contains("The weights end within 'fc.bias': the file is cut short.", Chain(exception).OfType<InvalidDataException>().First().Message);
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow("Description.json", "\"formatVersion\": 1", "\"formatVersion\": 2", "its format version is 2, and this version of Microsoft.ML.ResNet reads up to 1. Update the package.")]
    [DataRow("Description.json", "\"channels\": 3", "\"channels\": 7", "the network has 7 channels, expected 1 or 3.")]
    [DataRow("Description.json", "\"depths\": [", "\"depths\": [0,", "Depths")]
    [DataRow("Description.json", "{", "[", "The model file's description can't be used")]
    [DataRow("Description.json", "\"green\",", "", "The weights don't fit the network: 'fc.weight' is F32 [3, 16], expected F32 [2, 16]")]
    [DataRow("Weights.safetensors", "layer2.0.conv1.weight", "layer3.0.conv1.weight", "The weights don't fit the network: 'layer2.0.conv1.weight' is missing; 'layer3.0.conv1.weight' is unexpected.")]
    public void Load_DamagedPart_SaysWhichAndWhy(string part, string original, string replacement, string expected)
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(s_model, s_data.Schema, folder.File("model.zip"));
        ModelZip.Rewrite(folder.File("model.zip"), part, content =>
        {
            string text = Encoding.Latin1.GetString(content);
            int at = text.IndexOf(original, StringComparison.Ordinal);
            Assert.IsGreaterThanOrEqualTo(0, at);
            return Encoding.Latin1.GetBytes(text[..at] + replacement + text[(at + original.Length)..]);
        });
        long tensors = LiveTensors.CountAfterCollection();

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(folder.File("model.zip"), out _));

        InvalidDataException? inner = Chain(exception).OfType<InvalidDataException>().FirstOrDefault();
        Assert.IsNotNull(inner, exception.ToString());
        StringAssert.Contains(inner.Message, expected);
        Assert.AreEqual(tensors, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Load_WeightsCutShort_SaysSo()
    {
        using var folder = new TemporaryFolder();
        Context.Model.Save(s_model, s_data.Schema, folder.File("model.zip"));
        ModelZip.Rewrite(folder.File("model.zip"), "Weights.safetensors", content => content[..^1]);

        Exception exception = Assert.Throws<Exception>(() => new MLContext().Model.Load(folder.File("model.zip"), out _));

        Assert.AreEqual("The weights end within 'fc.bias': the file is cut short.", Chain(exception).OfType<InvalidDataException>().First().Message);
    }

    [TestMethod]
    public void SaveWeights_OverAnOlderFile_ReplacesItWhole()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("weights.safetensors"), "older");

        ResNetOf(s_model).SaveWeights(folder.File("weights.safetensors"));

        using FileStream stream = File.OpenRead(folder.File("weights.safetensors"));
        var (entries, metadata) = Microsoft.ML.ResNet.WeightFiles.SafetensorsHeader.Read(stream);
        Assert.AreEqual("conv1.weight", entries[0].Name);
        Assert.AreEqual("pt", metadata["format"]);
        Assert.AreEqual("[\"red\",\"green\",\"blue\"]", metadata["class_names"]);
        StringAssert.Contains(metadata["preprocessing"], "\"mean\":[0.485,0.456,0.406]");
        Assert.AreEqual("fc.bias", entries[^1].Name);
        CollectionAssert.AreEqual(new[] { folder.File("weights.safetensors") }, Directory.GetFiles(folder.Path));
    }

    private static IEnumerable<Exception> Chain(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException)
        {
            yield return exception;
        }
    }
}
