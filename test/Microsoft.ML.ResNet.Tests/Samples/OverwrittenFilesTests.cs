namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool's results overwrite neither each other nor what a command reads: such a command line is refused before anything is written.</summary>
[TestClass]
public sealed class OverwrittenFilesTests
{
    private static readonly TemporaryFolder Folder = new();

    [ClassInitialize]
    public static void CreateFolder(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Folder.File("model.zip"));
        File.Copy(Folder.File("images/red/00.png"), Folder.File("images/one.png"));
        Directory.CreateDirectory(Folder.File("parts"));
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    [DataRow("--output 'model.zip' would overwrite --model 'model.zip'. Name another path with --output.", "report", "--output", "model.zip", "--images", "images")]
    [DataRow("--report 'model.zip' would overwrite --output 'model.zip'. Name another path with --report.", "train", "--images", "images", "--report", "model.zip")]
    [DataRow("--report 'r.html' would overwrite --output './r.html'. Name another path with --report.", "train", "--images", "images", "--output", "./r.html", "--report", "r.html")]
    [DataRow("--json 'model.zip' would overwrite --output 'model.zip'. Name another path with --json.", "train", "--images", "images", "--json", "model.zip")]
    [DataRow("--json 'r.html' would overwrite --report 'r.html'. Name another path with --json.", "train", "--images", "images", "--report", "r.html", "--json", "r.html")]
    [DataRow("--report '-' is no path of a file: --json alone can be written to standard output. A file of this name is './-'.", "train", "--images", "images", "--report", "-")]
    [DataRow("--json 'x.zip' would overwrite --output 'x.zip'. Name another path with --json.", "compare", "--images", "images", "--output", "x.zip", "--json", "x.zip")]
    [DataRow("--json 'check.html' would overwrite --output 'check.html'. Name another path with --json.", "check", "--images", "images", "--json", "check.html")]
    [DataRow("--output 'images/red/00.png' would overwrite a file of --images 'images'. Name another path with --output.", "check", "--images", "images", "--output", "images/red/00.png")]
    [DataRow("--json 'model.zip' would overwrite --model 'model.zip'. Name another path with --json.", "evaluate", "--images", "images", "--json", "model.zip")]
    [DataRow("--json 'model.zip' would overwrite --model 'model.zip'. Name another path with --json.", "export", "--json", "model.zip")]
    [DataRow("--output 'images/../model.zip' would overwrite --model 'model.zip'. Name another path with --output.", "export", "--output", "images/../model.zip")]
    [DataRow("--json 'model.zip' would overwrite --model 'model.zip'. Name another path with --json.", "predict", "--json", "model.zip", "images")]
    [DataRow("--json 'images/one.png' would overwrite IMAGE 'images/one.png'. Name another path with --json.", "predict", "--json", "images/one.png", "images/one.png")]
    [DataRow("--json 'images/one.png' would overwrite a file of IMAGE 'images'. Name another path with --json.", "predict", "--json", "images/one.png", "images")]
    [DataRow("--json 'parts/predict.json' would overwrite --output 'parts/predict.json'. Name another path with --json.", "predict", "--output", "parts", "--json", "parts/predict.json", "images")]
    [DataRow("--explain 'model.zip' would overwrite --model 'model.zip'. Name another path with --explain.", "predict", "--explain", "model.zip", "images/one.png")]
    [DataRow("--explain 'images/one.png' would overwrite IMAGE 'images/one.png'. Name another path with --explain.", "predict", "--explain", "images/one.png", "images/one.png")]
    [DataRow("--explain 'images/red/00.png' would overwrite IMAGE 'images/red/00.png'. Name another path with --explain.", "predict", "--explain", "images/red", "images/red")]
    [DataRow("--json 'p.png' would overwrite --explain 'p.png'. Name another path with --json.", "predict", "--explain", "p.png", "--json", "p.png", "images/one.png")]
    public Task Result_OntoAnotherFile_IsRefusedAndLeavesAllFiles(string expected, params string[] arguments) => AssertRefusedAsync(expected, arguments);

    [TestMethod]
    [OSCondition(OperatingSystems.Linux | OperatingSystems.OSX)]
    public async Task Result_OntoTheModelByALink_IsRefused()
    {
        File.CreateSymbolicLink(Folder.File("link.html"), "model.zip");
        Directory.CreateSymbolicLink(Folder.File("here"), ".");

        await AssertRefusedAsync("--output 'here/link.html' would overwrite --model 'model.zip'. Name another path with --output.", "report", "--images", "images", "--output", "here/link.html");
    }

    [TestMethod]
    public async Task Explain_BesideItsInputsUnderOtherNames_WritesThePictures()
    {
        byte[] before = await File.ReadAllBytesAsync(Folder.File("images/red/00.png"));

        ProcessResult result = await RunAsync("predict", "--explain", "images/explained", "--json", "-", "images/red");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        Assert.HasCount(12, Directory.GetFiles(Folder.File("images/explained")));
        CollectionAssert.AreEqual(before, await File.ReadAllBytesAsync(Folder.File("images/red/00.png")));
        Directory.Delete(Folder.File("images/explained"), recursive: true);
    }

    private static async Task AssertRefusedAsync(string expected, params string[] arguments)
    {
        Dictionary<string, DateTime> before = Files();

        ProcessResult result = await RunAsync(arguments);

        Assert.AreEqual(2, result.ExitCode, result.Output);
        Assert.AreEqual(expected, result.StandardError.Trim());
        CollectionAssert.AreEquivalent(before, Files());
    }

    private static Dictionary<string, DateTime> Files()
        => Directory.EnumerateFiles(Folder.Path, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).ToDictionary(file => file, File.GetLastWriteTimeUtc);

    private static Task<ProcessResult> RunAsync(params string[] arguments) => DotNet.RunAsync(["exec", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
