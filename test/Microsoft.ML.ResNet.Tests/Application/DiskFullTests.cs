using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>A disk that gets full while something is written: a clear error, and the older file as it was.</summary>
[TestClass]
public sealed class DiskFullTests
{
    private const string Advice = "Free space there or choose another path.";

    private readonly MLContext _context = new(1);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void SaveWeightsExportOnnxAndSaveAtomically_DiskFull_LeaveTheOlderFile()
    {
        IDataView data = Keyed(_context, Create(16));
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
        using var disk = new Tmpfs(kibibytes: 12);

        AssertKept(disk.File("weights.safetensors"), model.SaveWeights);
        AssertKept(disk.File("model.onnx"), path => model.ExportOnnx(path));
        AssertKept(disk.File("model.zip"), path => _context.Model.SaveAtomically(model, data.Schema, path));
        CollectionAssert.AreEquivalent(new[] { "model.onnx", "model.zip", "weights.safetensors" }, Directory.GetFiles(disk.Path).Select(Path.GetFileName).ToArray());
    }

    [TestMethod]
    public void SaveAtomically_FolderThatIsMissing_SaysSo()
    {
        IDataView data = Keyed(_context, Create(16));
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
        using var folder = new TemporaryFolder();
        string path = folder.File("missing/model.zip");

        string message = Assert.ThrowsExactly<IOException>(() => _context.Model.SaveAtomically(model, data.Schema, path)).Message;

        StringAssert.StartsWith(message, $"File '{path}' can't be written: Could not find a part of the path '{path}'.");
        StringAssert.EndsWith(message, Advice);
    }

    [TestMethod]
    public void SaveAtomically_ThenLoad_GivesTheModel()
    {
        IDataView data = Keyed(_context, Create(16));
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("model.zip"), "older");

        _context.Model.SaveAtomically(model, data.Schema, folder.File("model.zip"));

        using var loaded = (ResNetTransformer)_context.Model.Load(folder.File("model.zip"), out _);
        SavedWeights.AssertEqual(SavedWeights.Of(model), SavedWeights.Of(loaded));
        CollectionAssert.AreEqual(new[] { folder.File("model.zip") }, Directory.GetFiles(folder.Path));
    }

    [TestMethod]
    public void Fit_DiskFullAtACheckpoint_KeepsTheOneBeforeAndGoesOnFromIt()
    {
        IDataView data = Keyed(_context, Create(40));
        using ResNetTransformer expected = Train(null);

        // The first checkpoint fits, and a second one beside it doesn't.
        using var disk = new Tmpfs(kibibytes: 100);
        var exception = Assert.ThrowsExactly<IOException>(() => Train(disk.Path));
        TestContext.WriteLine(exception.Message);
        StringAssert.StartsWith(exception.Message, $"File '{disk.File("last.checkpoint")}' can't be written: ");
        StringAssert.EndsWith(
            exception.Message,
            "The file that was there is as it was. Free space there or choose another CheckpointDirectory; with ResumeFromCheckpoint the training resumes from the last checkpoint.");
        CollectionAssert.AreEqual(new[] { disk.File("last.checkpoint") }, Directory.GetFiles(disk.Path));

        disk.Resize(kibibytes: 4000);
        using ResNetTransformer actual = Train(disk.Path);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));

        ResNetTransformer Train(string? folder)
        {
            ResNetTrainer.Options options = Options(epochs: 3);
            options.CheckpointDirectory = folder;
            options.ResumeFromCheckpoint = folder is not null;
            return _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        }
    }

    [TestMethod]
    public void Fit_DiskFullAtTheCache_SaysWhatToDoAndLeavesNoFile()
    {
        using var folder = new TemporaryFolder();
        IDataView data = _context.Data.LoadFromEnumerable(ImageRows.Write(folder.Path, 24, width: 200, height: 160));
        using var disk = new Tmpfs(kibibytes: 512);
        _context.TempFilePath = disk.Path;
        ResNetTrainer.Options options = ImageRows.Options("ImagePath", epochs: 1);
        options.ImageSize = 128;
        options.CacheMemoryLimit = 0;

        var exception = Assert.ThrowsExactly<IOException>(() => PixelRows.Fit(_context, data, options));

        TestContext.WriteLine(exception.Message);
        StringAssert.StartsWith(exception.Message, $"The image cache can't be written to a temporary file in '{disk.Path}': ");
        StringAssert.EndsWith(exception.Message, "Free space there, set MLContext.TempFilePath to another folder, or raise CacheMemoryLimit.");
        Assert.IsEmpty(Directory.GetFiles(disk.Path));
    }

    private void AssertKept(string path, Action<string> write)
    {
        File.WriteAllText(path, "older");

        var exception = Assert.ThrowsExactly<IOException>(() => write(path));

        TestContext.WriteLine(exception.Message);
        StringAssert.StartsWith(exception.Message, $"File '{path}' can't be written: ");
        StringAssert.EndsWith(exception.Message, $"The file that was there is as it was. {Advice}");
        Assert.AreEqual("older", File.ReadAllText(path));
    }
}
