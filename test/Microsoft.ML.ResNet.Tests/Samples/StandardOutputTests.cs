namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool where its standard output can't be written: on a full disk, or closed.</summary>
[TestClass]
[OSCondition(OperatingSystems.Linux)]
public sealed class StandardOutputTests
{
    private const string Full = "Standard output can't be written: No space left on device.";

    private static readonly TemporaryFolder Folder = new();

    [ClassInitialize]
    public static void CreateFolder(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Folder.File("model.zip"));
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    [DataRow(">/dev/full", Full + " The results are in their files.", DisplayName = "on a full disk")]
    [DataRow(">&-", "Standard output can't be written: it is closed, or may not be written. The results are in their files.", DisplayName = "closed")]
    [DataRow(">/dev/full 2>&1", "", DisplayName = "both streams on a full disk")]
    public async Task Train_WhereNothingCanBeShown_SavesModelReportAndJson(string redirection, string expected)
    {
        using var trained = new TemporaryFolder();

        ProcessResult result = await RunAsync(redirection, "train", "--images", "images", "--epochs", "1", "--output", trained.File("model.zip"), "--json", trained.File("run.json"));

        Assert.AreEqual(0, result.ExitCode, result.Output);
        Assert.AreEqual(expected, result.StandardError.Trim());
        foreach (string name in (string[])["model.zip", "report.html", "run.json"])
        {
            Assert.IsGreaterThan(0, new FileInfo(trained.File(name)).Length, name);
        }
    }

    [TestMethod]
    [DataRow("evaluate", "--images", "images")]
    [DataRow("predict", "images")]
    [DataRow("export", "--output", "exported.onnx", "--json", "-")]
    [DataRow("train", "--help")]
    [DataRow("completion", "bash")]
    public async Task Command_WhoseResultIsStandardOutput_FailsAndNamesIt(params string[] arguments)
    {
        ProcessResult result = await RunAsync(">/dev/full", arguments);

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.EndsWith(result.StandardError.Trim(), Full);
    }

    private static Task<ProcessResult> RunAsync(string redirection, params string[] arguments)
        => DotNet.RunProgramAsync("/bin/sh", ["-c", $"exec dotnet exec \"$0\" \"$@\" {redirection}", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
