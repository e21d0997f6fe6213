using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool with models that predict no class where they are not sure enough.</summary>
[TestClass]
public sealed class MinimumScoreTests
{
    private static readonly TemporaryFolder Folder = new();

    private static string Model => Folder.File("model.zip");

    /// <summary>Trains, and then puts three blue images among the red ones.</summary>
    [ClassInitialize]
    public static void Train(TestContext context)
    {
        string images = Folder.File("images");
        ColourFolder.Create(images, ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(images, Model);
        for (int i = 0; i < 3; i++)
        {
            File.Move(Path.Combine(images, ColourFolder.Blue, $"{i:D2}.png"), Path.Combine(images, ColourFolder.Red, $"blue-{i:D2}.png"));
        }
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    /// <summary>A model that predicts only what it is sure of: nothing, where it has to be surer than it ever is.</summary>
    [TestMethod]
    public async Task PredictAndReport_ModelWithMinimumScore_TellWhatHasNoLabel()
    {
        var context = new MLContext();
        string images = Folder.File("images"), path = Folder.File("careful.zip");
        ITransformer model = context.Model.Load(Model, out DataViewSchema schema);
        using (model as IDisposable)
        using (ResNetTransformer careful = ((IEnumerable<ITransformer>)model).OfType<ResNetTransformer>().Single().WithMinimumScore(context, 1))
        {
            context.Model.Save(careful, schema, path);
        }

        ProcessResult predicted = await RunAsync("predict", "--model", path, "--json", "-", Path.Combine(images, ColourFolder.Red, "00.png"));
        ProcessResult reported = await RunAsync("report", "--model", path, "--images", images, "--output", Folder.File("careful.html"));

        Assert.AreEqual(0, predicted.ExitCode, predicted.Output);
        using JsonDocument document = JsonDocument.Parse(predicted.StandardOutput);
        Assert.AreEqual(JsonValueKind.Null, document.RootElement[0].GetProperty("predictedLabel").ValueKind);
        StringAssert.Contains(predicted.StandardError, "00.png: none of the classes; red ");
        Assert.AreEqual(0, reported.ExitCode, reported.Output);
        StringAssert.Contains(reported.StandardOutput, "reached by 0 images, 0.0 %; the others have no label");
        StringAssert.Contains(await File.ReadAllTextAsync(Folder.File("careful.html")), "<tr><th scope=\"row\">Minimum score</th><td>1, reached by 0 of 24 test images; the model gives the others no label</td></tr>");
    }

    /// <summary>A minimum that half of the images reach: those that have a label are told apart, and the other numbers stay those of all.</summary>
    [TestMethod]
    public async Task Evaluate_ModelWithMinimumScore_TellsCoverageAndAccuracyOfThese()
    {
        string images = Folder.File("images"), path = Folder.File("half-sure.zip");
        var context = new MLContext();
        ITransformer model = context.Model.Load(Model, out DataViewSchema schema);
        float[] confidences;
        using (model as IDisposable)
        {
            ResNetTransformer network = ((IEnumerable<ITransformer>)model).OfType<ResNetTransformer>().Single();
            confidences = [.. network.Transform(context.Data.LoadImageFolder(images)).GetColumn<float[]>("Score").Select(scores => scores.Max()).Order()];
            using ResNetTransformer careful = network.WithMinimumScore(context, (confidences[11] + confidences[12]) / 2);
            context.Model.Save(careful, schema, path);
        }

        ProcessResult all = await RunAsync("evaluate", "--model", Model, "--images", images, "--json", "-");
        ProcessResult result = await RunAsync("evaluate", "--model", path, "--images", images, "--json", "-");

        using JsonDocument without = JsonDocument.Parse(all.StandardOutput), document = JsonDocument.Parse(result.StandardOutput);
        JsonElement summary = document.RootElement;
        Assert.AreEqual(JsonValueKind.Null, without.RootElement.GetProperty("minimumScore").ValueKind);
        Assert.AreEqual((confidences[11] + confidences[12]) / 2, summary.GetProperty("minimumScore").GetSingle(), 1e-6);
        Assert.AreEqual(0.5, summary.GetProperty("coverage").GetDouble(), 1e-9);
        double correct = 12 * summary.GetProperty("coveredAccuracy").GetDouble();
        Assert.IsTrue(correct is >= 9 and <= 12, "Three images are in the wrong folder.");
        Assert.AreEqual(without.RootElement.GetProperty("testAccuracy").GetDouble(), summary.GetProperty("testAccuracy").GetDouble());
        Assert.AreEqual(without.RootElement.GetProperty("logLoss").GetDouble(), summary.GetProperty("logLoss").GetDouble());
        StringAssert.Contains(result.StandardError, "21 of 24 images right");
        StringAssert.Contains(result.StandardError, string.Create(CultureInfo.InvariantCulture, $"reached by 12 images, 50.0 %, {correct / 12 * 100:F1} % of them right"));
        Assert.AreEqual(3, Regex.Count(result.StandardError, "blue-0[0-2].png"), "The mistakes are those of the most probable class.");
    }

    private static Task<ProcessResult> RunAsync(params string[] arguments) => DotNet.RunAsync(["exec", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
