using System.Text.Json;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The tool on folders of which some files are no images.</summary>
[TestClass]
public sealed class UnreadableImagesTests
{
    private static readonly TemporaryFolder Folder = new();

    private static string Training => Folder.File("training");

    private static string Test => Folder.File("test");

    /// <summary>One in each folder.</summary>
    private static string Broken => Path.Combine(Test, ColourFolder.Red, "broken.png");

    [ClassInitialize]
    public static async Task CreateFoldersAsync(TestContext context)
    {
        foreach (string folder in (string[])[Training, Test])
        {
            ColourFolder.Create(folder, ColourFolder.Red, ColourFolder.Blue);
            await File.WriteAllTextAsync(Path.Combine(folder, ColourFolder.Red, "broken.png"), "no image");
        }
    }

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    public async Task TrainAndEvaluate_SkippingBadImages_LeaveThemOut()
    {
        string model = Folder.File("model.zip");

        ProcessResult trained = await TrainAsync(model, "--skip-bad-images");
        ProcessResult evaluated = await RunAsync("evaluate", "--model", model, "--images", Test, "--skip-bad-images", "--json", "-");
        ProcessResult stopped = await RunAsync("evaluate", "--model", model, "--images", Test);
        ProcessResult predicted = await RunAsync("predict", "--model", model, Broken);

        Assert.AreEqual((0, 0), (trained.ExitCode, evaluated.ExitCode), trained.Output + evaluated.Output);
        StringAssert.Contains(Words(trained.StandardError), "1 of 25 images can't be read and are left out");
        foreach (ProcessResult result in (ProcessResult[])[trained, evaluated])
        {
            using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
            Assert.AreEqual(24, document.RootElement.GetProperty("testImages").GetInt32());
            StringAssert.Contains(Words(result.StandardError), "1 of 25 test images can't be read and are left out");
        }

        // What was skipped in training isn't in silence afterwards.
        foreach (ProcessResult result in (ProcessResult[])[stopped, predicted])
        {
            Assert.AreEqual(1, result.ExitCode, result.Output);
            StringAssert.Contains(result.StandardError, $"'{Broken}' cannot be decoded: it holds text.");
        }
    }

    [TestMethod]
    public async Task Train_BadImage_IsOneLineAndExitCode1()
    {
        ProcessResult result = await TrainAsync(Folder.File("none.zip"));

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, $"'{Path.Combine(Training, ColourFolder.Red, "broken.png")}' cannot be decoded: it holds text.");
        Assert.IsFalse(File.Exists(Folder.File("none.zip")));
    }

    [TestMethod]
    public async Task Evaluate_NoReadableImage_SaysSo()
    {
        string model = Folder.File("whole.zip"), images = Folder.File("unreadable");
        ColourFolder.Create(Folder.File("whole"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("whole"), model);
        Directory.CreateDirectory(Path.Combine(images, ColourFolder.Red));
        File.Copy(Broken, Path.Combine(images, ColourFolder.Red, "broken.png"));

        ProcessResult result = await RunAsync("evaluate", "--model", model, "--images", images, "--skip-bad-images");

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "None of the 1 test images can be read");
    }

    [TestMethod]
    public async Task Check_BadImages_ListsThemAndGoesOn()
    {
        ProcessResult result = await RunAsync("check", "--images", Training, "--test", Test, "--output", Folder.File("check.html"), "--json", "-");

        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        JsonElement[] unreadable = [.. document.RootElement.GetProperty("unreadable").EnumerateArray()];
        Assert.HasCount(2, unreadable);
        Assert.AreEqual(Broken, unreadable[0].GetProperty("imagePath").GetString());
        StringAssert.Contains(unreadable[0].GetProperty("error").GetString(), "cannot be decoded: it holds text.");
        Assert.AreEqual(24, document.RootElement.GetProperty("leaks").EnumerateArray().Select(pair => pair.GetProperty("secondPath").GetString()).Distinct().Count(), "the others are compared");
    }

    private static Task<ProcessResult> TrainAsync(string model, params string[] arguments)
        => RunAsync(["train", "--images", Training, "--test", Test, "--epochs", "1", "--batch", "8", "--output", model, "--json", "-", .. arguments]);

    private static string Words(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries));

    private static Task<ProcessResult> RunAsync(params string[] arguments) => DotNet.RunAsync(["exec", RepositoryPaths.Tool, .. arguments], Folder.Path);
}
