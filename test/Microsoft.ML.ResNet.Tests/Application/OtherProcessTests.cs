using System.Globalization;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>Models in an application of their own, samples/ExistingApp, whose code never names this library.</summary>
[TestClass]
public sealed class OtherProcessTests
{
    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public async Task Score_InAnotherProcess_IsTheSameBitForBit(bool useTransform)
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 12);
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(rows.Select(row => new Input { ImagePath = row.ImagePath, Label = row.Label }));
        using var model = (IDisposable)PixelRows.Fit(context, data, ImageRows.Options("ImagePath", epochs: 1));
        context.Model.Save((ITransformer)model, data.Schema, folder.File("model.zip"));
        PredictionRow[] expected = useTransform ? Transformed() : Predicted();

        ProcessResult result = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Sample("ExistingApp"), .. useTransform ? ["--transform"] : Array.Empty<string>(), folder.File("model.zip"), .. rows.Select(row => row.ImagePath)]);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        string[] lines = result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.HasCount(rows.Count, lines);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] parts = lines[i].Split('\t');
            Assert.AreEqual(Path.GetFileName(rows[i].ImagePath), parts[0]);
            Assert.AreEqual(expected[i].PredictedLabel, parts[1]);
            float[] scores = [.. parts[2].Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture))];
            CollectionAssert.AreEqual(expected[i].Score, scores);
        }

        PredictionRow[] Transformed() => [.. context.Data.CreateEnumerable<PredictionRow>(((ITransformer)model).Transform(data), reuseRowObject: false)];

        PredictionRow[] Predicted()
        {
            using PredictionEngine<Input, PredictionRow> engine = context.Model.CreatePredictionEngine<Input, PredictionRow>(
                (ITransformer)model, new PredictionEngineOptions { OwnsTransformer = false });
            return [.. rows.Select(row => engine.Predict(new Input { ImagePath = row.ImagePath }))];
        }
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Score_OnAProcessorWithoutAvx2_IsClose()
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 12);
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(rows.Select(row => new Input { ImagePath = row.ImagePath, Label = row.Label }));
        using var model = (IDisposable)PixelRows.Fit(context, data, ImageRows.Options("ImagePath", epochs: 1));
        context.Model.Save((ITransformer)model, data.Schema, folder.File("model.zip"));
        PredictionRow[] expected = [.. context.Data.CreateEnumerable<PredictionRow>(((ITransformer)model).Transform(data), reuseRowObject: false)];

        ProcessResult result = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Sample("ExistingApp"), "--transform", folder.File("model.zip"), .. rows.Select(row => row.ImagePath)],
            environment: new Dictionary<string, string?> { ["DOTNET_EnableAVX2"] = "0" });

        Assert.AreEqual(0, result.ExitCode, result.Output);
        string[] lines = result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.HasCount(rows.Count, lines);
        for (int i = 0; i < lines.Length; i++)
        {
            float[] scores = [.. lines[i].Split('\t')[2].Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture))];
            for (int k = 0; k < scores.Length; k++)
            {
                Assert.AreEqual(expected[i].Score[k], scores[k], 1e-3f, lines[i]);
            }
        }
    }

    [TestMethod]
    public void ExistingApp_Code_NeverNamesTheLibrary()
    {
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(RepositoryPaths.SampleProject("ExistingApp"))!, "*.cs"))
        {
            Assert.IsFalse(File.ReadAllText(file).Contains("ResNet", StringComparison.OrdinalIgnoreCase), file);
        }
    }

    [TestMethod]
    public async Task Load_NoNativePackage_NamesTheOnesToAdd()
    {
        using var folder = new TemporaryFolder();
        List<ImageRow> rows = ImageRows.Write(folder.Path, 6);
        var context = new MLContext(1);
        IDataView data = context.Data.LoadFromEnumerable(rows);
        using (var model = (IDisposable)PixelRows.Fit(context, data, ImageRows.Options("ImagePath", epochs: 1)))
        {
            context.Model.Save((ITransformer)model, data.Schema, folder.File("model.zip"));
        }

        // The application as it is without TorchSharp-cpu: its managed assemblies alone.
        string application = Directory.CreateDirectory(folder.File("application")).FullName;
        foreach (string file in Directory.GetFiles(Path.GetDirectoryName(RepositoryPaths.Sample("ExistingApp"))!))
        {
            if (Path.GetExtension(file) == ".dll" || file.EndsWith(".runtimeconfig.json", StringComparison.Ordinal))
            {
                File.Copy(file, Path.Combine(application, Path.GetFileName(file)));
            }
        }

        ProcessResult result = await DotNet.RunAsync(["exec", Path.Combine(application, "ExistingApp.dll"), folder.File("model.zip"), rows[0].ImagePath]);

        Assert.AreNotEqual(0, result.ExitCode);
        StringAssert.Contains(result.StandardError, "No native libtorch was found beside this application. Add one of these packages to the application's project");
        StringAssert.Contains(result.StandardError, "dotnet add package TorchSharp-cpu --version 0.107.0");
    }

    private sealed class Input
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }
}
