using System.Globalization;
using static Microsoft.ML.ResNet.Tests.PixelRows;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>Machines that are not like the developer's: other cultures, time zones and paths, folders that may not be written, libraries that don't load.</summary>
[TestClass]
public sealed class EnvironmentTests
{
    /// <summary>A folder that nobody can make, not even root.</summary>
    private const string Nowhere = "/proc/nowhere";

    private const string OddName = "Bilder für Ömer, 日本 папка";

    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    public TestContext TestContext { get; set; } = null!;

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    [DoNotParallelize]
    [DataRow("tr-TR")]
    [DataRow("fa-IR")]
    [DataRow("de-DE")]
    public void TrainSaveLoadExport_InAnotherCulture_GiveTheSameBytes(string culture)
    {
        string[] files = ["model.zip", "weights.safetensors", "model.onnx"];
        byte[][] expected = InCulture("", () => TrainAndSave("invariant"));

        byte[][] actual = InCulture(culture, () => TrainAndSave(culture));

        for (int i = 0; i < files.Length; i++)
        {
            CollectionAssert.AreEqual(expected[i], actual[i], files[i]);
        }

        byte[][] TrainAndSave(string folder)
        {
            Directory.CreateDirectory(_folder.File(folder));
            IDataView data = Keyed(_context, Create(16));
            using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
            string[] paths = [.. files.Select(file => Path.Combine(_folder.File(folder), file))];
            _context.Model.Save(model, data.Schema, paths[0]);
            model.SaveWeights(paths[1]);
            model.ExportOnnx(paths[2]);
            using var loaded = (ResNetTransformer)_context.Model.Load(paths[0], out _);
            SavedWeights.AssertEqual(SavedWeights.Of(model), SavedWeights.Of(loaded));

            // The zip has times of its own; what is in it counts, but for how long the training took.
            return [.. paths.Select(path => path.EndsWith(".zip", StringComparison.Ordinal) ? Fuzzing.WeightSeeds.Part(File.ReadAllBytes(path), "Weights.safetensors") : File.ReadAllBytes(path))];
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void Fit_BegunInOneCultureAndResumedInAnother_GivesTheModelOfAnUninterruptedTraining()
    {
        IDataView data = Keyed(_context, Create(40));
        using ResNetTransformer expected = Train(null, stopsAt: null);

        InCulture("fa-IR", () => Assert.ThrowsExactly<TimeoutException>(() => Train(_folder.Path, stopsAt: 7)));
        using ResNetTransformer actual = InCulture("tr-TR", () => Train(_folder.Path, stopsAt: null));

        SavedWeights.AssertEqual(SavedWeights.Of(expected), SavedWeights.Of(actual));

        ResNetTransformer Train(string? folder, int? stopsAt)
        {
            ResNetTrainer.Options options = Options(epochs: 3);
            options.CheckpointDirectory = folder;
            options.ResumeFromCheckpoint = folder is not null;
            options.LabelSmoothing = 0.125;
            options.ValidationFraction = 0.2;
            options.Progress = new SynchronousProgress(metrics => _ = metrics.Step == stopsAt ? throw new TimeoutException("The power fails.") : 0);
            return _context.MulticlassClassification.Trainers.ResNet(options).Fit(data);
        }
    }

    [TestMethod]
    [DoNotParallelize]
    public void LabelsThatAreDates_InAnotherTimeZone_AreTheSame()
    {
        DateTime[] days = [new(2024, 2, 29, 23, 59, 59, DateTimeKind.Local), new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc), new(2025, 7, 1, 12, 30, 0)];
        IDataView data = Keyed(_context, Enumerable.Range(0, 12).Select(i => new DayRow { Label = days[i % 3], Features = Pixels(i % 3, new Random(i)) }).ToList());
        using ResNetTransformer model = _context.MulticlassClassification.Trainers.ResNet(Options(epochs: 1)).Fit(data);
        _context.Model.Save(model, data.Schema, _folder.File("model.zip"));

        long[] ticks = InTimeZone("Asia/Kathmandu", () =>
        {
            using var loaded = (ResNetTransformer)_context.Model.Load(_folder.File("model.zip"), out _);
            Data.VBuffer<DateTime> values = default;
            loaded.Transform(data).Schema["PredictedLabel"].Annotations.GetValue("KeyValues", ref values);
            return values.DenseValues().Select(value => value.Ticks).ToArray();
        });

        CollectionAssert.AreEqual(days.Select(day => day.Ticks).ToArray(), ticks);
    }

    [TestMethod]
    public void TrainSaveLoad_PathsWithSpacesAndOtherLetters_Work()
    {
        string folder = Path.Combine(_folder.Path, OddName);
        _context.TempFilePath = Path.Combine(folder, "temporary");
        List<ImageRow> rows = ImageRows.Write(Path.Combine(folder, "images"), 40, width: 120, height: 100);
        IDataView data = _context.Data.LoadFromEnumerable(rows);
        ResNetTrainer.Options options = ImageRows.Options("ImagePath", epochs: 1);
        options.CacheMemoryLimit = 0;
        options.CheckpointDirectory = Path.Combine(folder, "checkpoints");
        using var model = (IDisposable)PixelRows.Fit(_context, data, options);
        ResNetTransformer transformer = ResNetOf((ITransformer)model);

        _context.Model.SaveAtomically((ITransformer)model, data.Schema, Path.Combine(folder, "model ü.zip"));
        transformer.SaveWeights(Path.Combine(folder, "weights ü.safetensors"));
        transformer.ExportOnnx(Path.Combine(folder, "model ü.onnx"));

        using var loaded = (IDisposable)_context.Model.Load(Path.Combine(folder, "model ü.zip"), out _);
        CollectionAssert.AreEqual(Scores((ITransformer)model, data).SelectMany(score => score).ToArray(), Scores((ITransformer)loaded, data).SelectMany(score => score).ToArray());
        Assert.AreEqual(3, ResNetWeights.FromFile(Path.Combine(folder, "weights ü.safetensors")).ClassCount);
        Assert.IsTrue(File.Exists(Path.Combine(folder, "checkpoints", "last.checkpoint")));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Score_OddPathsCultureAndTimeZone_IsTheSameBitForBit()
    {
        var (model, image) = SaveModel();
        string odd = Path.Combine(_folder.Path, OddName);
        string program = ApplicationFolder.Copy("ExistingApp", Path.Combine(odd, "application"));
        string oddModel = Path.Combine(odd, "das Modell.zip"), oddImage = Path.Combine(odd, Path.GetFileName(image));
        File.Copy(model, oddModel);
        File.Copy(image, oddImage);
        ProcessResult expected = await DotNet.RunAsync(["exec", RepositoryPaths.Sample("ExistingApp"), model, image]);

        ProcessResult actual = await DotNet.RunAsync(["exec", program, oddModel, oddImage], odd, new Dictionary<string, string?>
        {
            ["HOME"] = Directory.CreateDirectory(Path.Combine(odd, "home")).FullName,
            ["TMPDIR"] = Directory.CreateDirectory(Path.Combine(odd, "tmp")).FullName,
            ["XDG_DATA_HOME"] = null,
            ["LANG"] = "fa_IR.UTF-8",
            ["LC_ALL"] = "fa_IR.UTF-8",
            ["TZ"] = "Australia/Eucla",
        });

        Assert.AreEqual(0, actual.ExitCode, actual.Output);
        Assert.AreEqual(expected.StandardOutput, actual.StandardOutput);
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Score_HomeThatCannotBeWritten_IsTheSameAndLeavesNothing()
    {
        RequireLinux();
        var (model, image) = SaveModel();
        string temporary = Directory.CreateDirectory(_folder.File("tmp")).FullName;
        ProcessResult expected = await DotNet.RunAsync(["exec", RepositoryPaths.Sample("ExistingApp"), model, image]);

        ProcessResult actual = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Sample("ExistingApp"), model, image],
            environment: new Dictionary<string, string?> { ["HOME"] = Nowhere, ["XDG_DATA_HOME"] = null, ["TMPDIR"] = temporary });

        Assert.AreEqual(0, actual.ExitCode, actual.Output);
        Assert.AreEqual(expected.StandardOutput, actual.StandardOutput);
        Assert.IsEmpty(Directory.GetFiles(temporary, "*.so", SearchOption.AllDirectories));
    }

    [TestMethod]
    public async Task Score_HomeThatIsMountedNoexec_IsTheSame()
    {
        using var home = new Tmpfs(kibibytes: 16 << 10);
        home.ForbidCode();
        var (model, image) = SaveModel();

        ProcessResult actual = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Sample("ExistingApp"), model, image],
            environment: new Dictionary<string, string?> { ["HOME"] = home.Path, ["XDG_DATA_HOME"] = null });

        Assert.AreEqual(0, actual.ExitCode, actual.Output);
    }

    [TestMethod]
    public async Task Load_NativeLibraryOnAFileSystemMountedNoexec_SaysSo()
    {
        using var disk = new Tmpfs(kibibytes: 64 << 10);
        var (model, image) = SaveModel();
        string program = ApplicationFolder.Copy("ExistingApp", disk.File("application"));
        ApplicationFolder.Replace(Path.GetDirectoryName(program)!, "libc10.so", File.ReadAllBytes(Path.Combine(Path.GetDirectoryName(program)!, "libc10.so")));
        disk.ForbidCode();

        ProcessResult result = await DotNet.RunAsync(["exec", program, model, image]);

        Assert.AreNotEqual(0, result.ExitCode);
        Record(result, "libc10.so' was found but could not be loaded: no code may run from its file system, as where it is mounted with noexec. Move the application to another folder, or mount this one without noexec.");
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Score_ApplicationFolderThatIsReadOnly_IsTheSame()
    {
        using var disk = new Tmpfs(kibibytes: 64 << 10);
        var (model, image) = SaveModel();
        string program = ApplicationFolder.Copy("ExistingApp", disk.File("application"));
        disk.MakeReadOnly();
        ProcessResult expected = await DotNet.RunAsync(["exec", RepositoryPaths.Sample("ExistingApp"), model, image]);

        ProcessResult actual = await DotNet.RunAsync(["exec", program, model, image], Path.GetDirectoryName(program));

        Assert.AreEqual(0, actual.ExitCode, actual.Output);
        Assert.AreEqual(expected.StandardOutput, actual.StandardOutput);
    }

    [TestMethod]
    [DataRow("libtorch_cpu.so", "no library at all", "The native library '", "' was found but could not be loaded: ")]
    [DataRow("libc10.so", "empty", "The native library '", "' was found but could not be loaded: ")]
    [DataRow("libLibTorchSharp.so", "half of one", "The native library '", "' was found but could not be loaded: the file is cut short.")]
    [DataRow("libLibTorchSharp.so", "another one", "libtorch was found but could not be loaded: ", "Unable to find an entry point")]
    public async Task Load_NativeLibraryThatIsWrong_NamesItAndThePackages(string library, string kind, string expected, string alsoExpected)
    {
        RequireLinux();
        var (model, image) = SaveModel();
        string program = ApplicationFolder.Copy("ExistingApp", _folder.File("application")), folder = Path.GetDirectoryName(program)!;
        byte[] whole = File.ReadAllBytes(Path.Combine(folder, "libc10.so"));
        ApplicationFolder.Replace(folder, library, kind switch
        {
            "empty" => [],
            "no library at all" => [.. "This is no library."u8],
            "half of one" => whole[..(whole.Length / 2)],
            _ => whole,
        });

        ProcessResult result = await DotNet.RunAsync(["exec", program, model, image]);

        Assert.AreNotEqual(0, result.ExitCode);
        Record(result, expected);
        StringAssert.Contains(result.StandardError, alsoExpected);
        StringAssert.Contains(result.StandardError, "Add one of these packages to the application's project, in version 0.107.0: TorchSharp-cpu (any system)");
    }

    private static void RequireLinux()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Inconclusive("The folders and libraries of this test are Linux's.");
        }
    }

    private void Record(ProcessResult result, string expected)
    {
        StringAssert.Contains(result.StandardError, expected);
        TestContext.WriteLine(result.StandardError[result.StandardError.IndexOf(expected, StringComparison.Ordinal)..].Split('\n')[0]);
    }

    private (string Model, string Image) SaveModel()
    {
        List<ImageRow> rows = ImageRows.Write(_folder.File("rows"), 12);
        IDataView data = _context.Data.LoadFromEnumerable(rows.Select(row => new PathRow { ImagePath = row.ImagePath, Label = row.Label }));
        using var model = (IDisposable)PixelRows.Fit(_context, data, ImageRows.Options("ImagePath", epochs: 1));
        _context.Model.Save((ITransformer)model, data.Schema, _folder.File("model.zip"));
        return (_folder.File("model.zip"), rows[0].ImagePath);
    }

    /// <summary>Sets the culture of the process: only in tests that run alone. Two at once would each put back what the other had set.</summary>
    private static T InCulture<T>(string name, Func<T> act)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo? threads = CultureInfo.DefaultThreadCurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.GetCultureInfo(name);
            return act();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
            CultureInfo.DefaultThreadCurrentCulture = threads;
        }
    }

    private static T InTimeZone<T>(string name, Func<T> act)
    {
        string? before = Environment.GetEnvironmentVariable("TZ");
        try
        {
            Environment.SetEnvironmentVariable("TZ", name);
            TimeZoneInfo.ClearCachedData();
            return act();
        }
        finally
        {
            Environment.SetEnvironmentVariable("TZ", before);
            TimeZoneInfo.ClearCachedData();
        }
    }

    private sealed class PathRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class DayRow
    {
        public DateTime Label { get; set; }

        [Data.VectorType(3, 8, 8)]
        public float[] Features { get; set; } = [];
    }
}
