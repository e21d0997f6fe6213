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
    public void Fit_DiskFullAtACheckpoint_KeepsTheOneBeforeAndGoesOn()
    {
        IDataView data = Keyed(_context, Create(40));
        using ResNetTransformer expected = Train(null);

        // The first checkpoint fits, and a second one beside it doesn't.
        using var disk = new Tmpfs(kibibytes: 100);
        var log = new LogRecorder(_context);
        using ResNetTransformer warned = Train(disk.Path);
        string[] warnings = [.. log.Warnings];
        Assert.HasCount(2, warnings);
        foreach (string warning in warnings)
        {
            StringAssert.StartsWith(warning, $"File '{disk.File("last.checkpoint")}' can't be written: ");
            StringAssert.EndsWith(
                warning,
                "The file that was there is as it was. Free space there or choose another CheckpointDirectory. The training goes on, and the next checkpoint is tried when it is due.");
        }

        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(warned));
        CollectionAssert.AreEqual(new[] { disk.File("last.checkpoint") }, Directory.GetFiles(disk.Path));

        disk.Resize(kibibytes: 4000);
        using ResNetTransformer resumed = Train(disk.Path);
        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(resumed));
        Assert.HasCount(2, log.Warnings.ToArray());

        ResNetTransformer Train(string? folder)
        {
            ResNetTrainer.Options options = Options(epochs: 3);
            options.CheckpointDirectory = folder;
            options.ResumeFromCheckpoint = folder is not null;
            return _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        }
    }

    [TestMethod]
    public void Fit_DiskFullForATime_WritesAllFilesOfFineTuningWhenItIsFree()
    {
        using ResNetTransformer pretrained = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 2)).Fit(Keyed(_context, Create(48)));
        IDataView data = Keyed(_context, Create(36, seed: 7, "one", "two", "three"), "one", "two", "three");
        using ResNetTransformer expected = Train(null, _ => { });

        // None of the files fits, until the second epoch is over.
        using var disk = new Tmpfs(kibibytes: 12);
        var log = new LogRecorder(_context);
        using ResNetTransformer actual = Train(disk.Path, epoch =>
        {
            if (!epoch.IsTrial && epoch.Epoch == 2)
            {
                disk.Resize(kibibytes: 4000);
            }
        });

        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));
        string[] warned = [.. log.Warnings.Select(warning => Path.GetFileName(warning.Split('\'')[1]))];
        TestContext.WriteLine(string.Join(' ', warned));
        CollectionAssert.IsSubsetOf(new[] { "start.checkpoint", "best.safetensors" }, warned);
        CollectionAssert.AreEquivalent(new[] { "best.safetensors", "last.checkpoint", "start.checkpoint" }, Directory.GetFiles(disk.Path).Select(Path.GetFileName).ToArray());

        ResNetTransformer Train(string? folder, Action<EpochMetrics> report)
        {
            ResNetTrainer.Options options = Options(epochs: 3);
            options.PretrainedWeights = ResNetWeights.FromTransformer(pretrained);
            options.FineTuning = FineTuningMode.HeadThenFull;
            options.ValidationFraction = 0.2;
            options.CheckpointDirectory = folder;
            options.EpochCallback = report;
            return _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        }
    }

    [TestMethod]
    public void Fit_CheckpointFolderThatCannotBeWritten_EndsBeforeItBegins()
    {
        using var disk = new Tmpfs(kibibytes: 100);
        disk.MakeReadOnly();
        int steps = 0;
        ResNetTrainer.Options options = Options(epochs: 1);
        options.CheckpointDirectory = disk.Path;
        options.Progress = new SynchronousProgress(_ => steps++);

        string message = Assert.ThrowsExactly<IOException>(() => _context.MulticlassClassification.Trainers.ResNet(options).Fit(Keyed(_context, Create(16)))).Message;

        StringAssert.Contains(message, disk.Path);
        StringAssert.EndsWith(message, "choose another CheckpointDirectory.");
        Assert.AreEqual(0, steps);
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
