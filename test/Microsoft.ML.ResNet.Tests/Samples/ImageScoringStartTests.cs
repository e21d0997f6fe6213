namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>What keeps the web application from starting is a line on standard error and exit code 1.</summary>
[TestClass]
public sealed class ImageScoringStartTests
{
    private static readonly TemporaryFolder Folder = new();

    [ClassInitialize]
    public static async Task Create(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Folder.File("model.zip"));
        await File.WriteAllTextAsync(Folder.File("text.zip"), "no model");
        await File.WriteAllBytesAsync(Folder.File("damaged.zip"), DamagedWeights(await File.ReadAllBytesAsync(Folder.File("model.zip"))));
    }

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    [TestMethod]
    [DataRow("missing.zip", "The model 'missing.zip' doesn't exist.")]
    [DataRow("images", "The model 'images' is a folder, expected a file that mlContext.Model.Save wrote.")]
    [DataRow("", "The setting Model is empty, expected the path of a model file")]
    [DataRow("text.zip", "text.zip' can't be loaded. Failed to open a zip archive. Expected a file that mlContext.Model.Save wrote.")]
    [DataRow("damaged.zip", "damaged.zip' can't be loaded. The model file is damaged: ")]
    public async Task Start_WrongModel_EndsWithTheReason(string model, string reason) => await AssertEndsAsync(reason, "--Model", model);

    [TestMethod]
    [DataRow("MaxFiles", "-1", "Serving:MaxFiles is '-1', expected a whole number from 1 to 1,000.")]
    [DataRow("MaxFileBytes", "abc", "Serving:MaxFileBytes is 'abc', expected a whole number from 1 to 1,073,741,824.")]
    [DataRow("MaxWaitMilliseconds", "-0.5", "Serving:MaxWaitMilliseconds is '-0.5', expected a number from 0 to 1,000.")]
    [DataRow("Mode", "Foo", "Serving:Mode is 'Foo', expected Batched or Pooled.")]
    [DataRow("Mode", "7", "Serving:Mode is '7', expected Batched or Pooled.")]
    [DataRow("QueueLength", "8", "Serving:QueueLength is 8 and Serving:MaxFiles is 16, expected a queue that takes the images of a request: raise the one or lower the other.")]
    public async Task Start_WrongSetting_EndsWithTheReason(string name, string value, string reason) => await AssertEndsAsync(reason, "--Model", "model.zip", $"--Serving:{name}", value);

    [TestMethod]
    public async Task Start_SeveralWrongSettings_NamesAll()
    {
        ProcessResult result = await RunAsync(Folder.Path, "--Model", "model.zip", "--Serving:MaxFiles", "0", "--Serving:Mode", "Foo");

        StringAssert.Contains(result.StandardError, "Serving:MaxFiles is '0'");
        StringAssert.Contains(result.StandardError, "Serving:Mode is 'Foo'");
    }

    /// <summary>The folder is looked at before a model is trained, which would be lost.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Start_NoModelInAFolderThatCannotBeWritten_TrainsNone()
    {
        ProcessResult result = await RunAsync("/proc");

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "There is no '/proc/model.zip', and no model can be written there: ");
        Assert.DoesNotContain("Epoch", result.StandardOutput);
    }

    [TestMethod]
    public async Task Start_AddressThatIsNone_EndsWithTheReason() => await AssertLastLineAsync("Invalid url: 'somewhere'", "--Model", "model.zip", "--Urls", "somewhere");

    private static async Task AssertEndsAsync(string reason, params string[] arguments)
    {
        ProcessResult result = await AssertLastLineAsync(reason, arguments);
        Assert.DoesNotContain("   at ", result.Output);
        Assert.HasCount(1, result.StandardError.Trim().Split('\n'), result.StandardError);
    }

    private static async Task<ProcessResult> AssertLastLineAsync(string reason, params string[] arguments)
    {
        ProcessResult result = await RunAsync(Folder.Path, arguments);
        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError.Trim().Split('\n')[^1], reason);
        return result;
    }

    private static Task<ProcessResult> RunAsync(string folder, params string[] arguments)
        => DotNet.RunAsync([RepositoryPaths.Sample("ImageScoringApi"), "--Urls", "http://127.0.0.1:0", .. arguments], folder);

    /// <summary>Weights are stored as they are, and are nearly all of the file.</summary>
    private static byte[] DamagedWeights(byte[] model)
    {
        model[model.Length / 2] ^= 1;
        return model;
    }
}
