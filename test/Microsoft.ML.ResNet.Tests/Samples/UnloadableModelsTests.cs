namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The command line tool and models that can't be loaded.</summary>
[TestClass]
public sealed class UnloadableModelsTests
{
    private static readonly TemporaryFolder Folder = new();

    private static string Images => Folder.File("images");

    private static string Model => Folder.File("model.zip");

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Images, Model);
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    /// <summary>What ML.NET's Load wraps in two exceptions that say nothing.</summary>
    [TestMethod]
    public async Task Predict_ModelThatIsDamaged_IsOneLineAndExitCode2()
    {
        byte[] bytes = await File.ReadAllBytesAsync(Model);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(Folder.File("damaged.zip"), bytes);

        ProcessResult result = await DotNet.RunAsync(["exec", RepositoryPaths.Tool, "predict", "--model", "damaged.zip", Path.Combine(Images, ColourFolder.Red, "00.png")], Folder.Path);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(
            "The model 'damaged.zip' can't be used: The model file is damaged: a part of it has another checksum than when it was written. Copy the file again, or save the model again.", result.StandardError.Trim());
    }

    [TestMethod]
    public async Task Predict_EnvironmentVariableThatIsWrong_IsOneLineAndExitCode2()
    {
        ProcessResult result = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Tool, "predict", "--model", Model, Path.Combine(Images, ColourFolder.Red, "00.png")],
            Folder.Path,
            new Dictionary<string, string?> { ["RESNET_SCORING_BACKEND"] = "nonsense" });

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(
            $"The model '{Model}' can't be used: The environment variable RESNET_SCORING_BACKEND is 'nonsense', expected auto, kernels or libtorch. Set one of them, or none.", result.StandardError.Trim());
    }
}
