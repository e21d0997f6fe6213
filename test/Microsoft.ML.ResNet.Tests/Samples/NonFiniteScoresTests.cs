using System.Text.Json;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool with a model of finite weights whose scores are NaN.</summary>
[TestClass]
public sealed class NonFiniteScoresTests
{
    private static readonly TemporaryFolder Folder = new();

    private static string Model => Folder.File("model.zip");

    private static string Images => Folder.File("images");

    [ClassInitialize]
    public static void MakeModel(TestContext context)
    {
        ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);
        using (var network = new ResidualNetwork(ResNetSpecification.FromArchitecture(ResNetArchitecture.ResNet20).ResolveStem(16, 16), 3, 2, seed: 1))
        {
            using var scope = torch.NewDisposeScope();
            using var noGradient = torch.no_grad();

            // Each is finite, and the sums of the convolution behind them are not.
            network.StateEntries.First(entry => entry.Name.EndsWith("running_mean", StringComparison.Ordinal)).Tensor.copy_(torch.tensor(-3e38f));
            using FileStream stream = File.Create(Folder.File("weights"));
            NetworkWeights.Write(network, stream);
        }

        var mlContext = new MLContext(1);
        using ResNetTransformer model = ResNetWeights.FromFile(Folder.File("weights")).ToClassifier(mlContext, [ColourFolder.Red, ColourFolder.Blue], imageSize: 16);
        mlContext.Model.SaveAtomically(model, mlContext.Data.LoadImageFolder(Images).Schema, Model);
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    public async Task Evaluate_ScoresThatAreNaN_HasNoLogLossAndFails()
    {
        ProcessResult result = await RunAsync("evaluate", "--model", Model, "--images", Images, "--json", "-");

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "The model's scores of 24 of 24 test images are NaN, such as of '");
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        Assert.AreEqual(JsonValueKind.Null, document.RootElement.GetProperty("logLoss").ValueKind);
        Assert.AreEqual(0, document.RootElement.GetProperty("testAccuracy").GetDouble());
    }

    [TestMethod]
    public async Task Predict_ScoresThatAreNaN_IsAnErrorOfTheImage()
    {
        string image = Path.Combine(Images, ColourFolder.Red, "00.png");

        ProcessResult result = await RunAsync("predict", "--model", Model, "--json", "-", image);

        Assert.AreEqual(1, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement prediction = document.RootElement[0];
        Assert.AreEqual(0, prediction.GetProperty("classes").GetArrayLength());
        StringAssert.StartsWith(prediction.GetProperty("error").GetString(), $"The model's scores of '{image}' are NaN: its training diverged.");
    }

    [TestMethod]
    public async Task Report_ScoresThatAreNaN_SaysSo()
    {
        ProcessResult result = await RunAsync("report", "--model", Model, "--images", Images, "--output", Folder.File("report.html"));

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "The scores of all 24 rows of the test data with a label that the model knows are NaN: their images can't be read, or the model is of no use, as its training diverged.");
    }

    private static Task<ProcessResult> RunAsync(params string[] arguments) => DotNet.RunAsync(["exec", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
