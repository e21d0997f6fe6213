using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The numbers of <c>train --json</c>: of what was trained on, in this process.</summary>
[TestClass]
public sealed class TrainingSummaryTests
{
    private const int Images = 24;

    private static readonly TemporaryFolder Folder = new();

    [ClassInitialize]
    public static void CreateFolder(TestContext context) => ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    public async Task TrainImages_SomeUnreadableAndSomeHeldOut_AreThoseTrainedOn()
    {
        string images = Folder.File("some-bad");
        ColourFolder.Create(images, ColourFolder.Red, ColourFolder.Blue);
        foreach (string name in (string[])["00.png", "01.png"])
        {
            await File.WriteAllTextAsync(Path.Combine(images, ColourFolder.Red, name), "no image");
        }

        var (_, skipping) = await TrainAsync("skipping", images, "--epochs", "2", "--skip-bad-images");
        var (console, calibrated) = await TrainAsync("calibrated", Folder.File("images"), "--epochs", "2", "--calibrate");

        Assert.AreEqual(Images - 2, skipping.GetProperty("trainImages").GetInt32());

        // A fifth of each class of twelve, rounded, is held out.
        Assert.AreEqual(Images - 4, calibrated.GetProperty("trainImages").GetInt32());
        Assert.AreEqual(2 * (Images - 4), ImagesOf(calibrated), 1e-6);
        StringAssert.Contains(console, "24 images from images, 20 % of each class held out to calibrate");
    }

    [TestMethod]
    public async Task ImagesPerSecond_TrainingIsResumed_CountsWhatThisProcessTrained()
    {
        string[] resuming = ["--epochs", "12", "--checkpoints", Folder.File("checkpoints")];
        await KillAfterTwoEpochsAsync([.. Arguments("resumed", Folder.File("images")), .. resuming]);

        var (console, resumed) = await TrainAsync("resumed", Folder.File("images"), resuming);
        var (_, again) = await TrainAsync("again", Folder.File("images"), resuming);

        int epochs = Regex.Count(console, @"\bepoch +\d+/12 ");
        Assert.IsTrue(epochs is > 0 and < 12, console);
        Assert.AreEqual(epochs * Images, ImagesOf(resumed), 1e-6);
        Assert.AreEqual(Images, resumed.GetProperty("trainImages").GetInt32());
        Assert.AreEqual(0, ImagesOf(again), "A checkpoint has all epochs.");
    }

    /// <summary>The images that the speed is of.</summary>
    private static double ImagesOf(JsonElement summary) => summary.GetProperty("imagesPerSecond").GetDouble() * summary.GetProperty("trainSeconds").GetDouble();

    private static async Task KillAfterTwoEpochsAsync(IEnumerable<string> arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            while (await process.StandardError.ReadLineAsync(limit.Token) is { } line && !line.StartsWith("epoch  2/", StringComparison.Ordinal))
            {
            }

            Assert.IsFalse(File.Exists(Folder.File("resumed.zip")));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static string[] Arguments(string name, string images)
        => ["exec", RepositoryPaths.Tool, "train", "--images", images, "--test", Folder.File("images"), "--batch", "4", "--output", Folder.File($"{name}.zip"), "--json", "-"];

    private static async Task<(string Console, JsonElement Summary)> TrainAsync(string name, string images, params string[] arguments)
    {
        ProcessResult result = await DotNet.RunAsync([.. Arguments(name, images), .. arguments], Folder.Path);
        Assert.AreEqual(0, result.ExitCode, result.Output);
        using JsonDocument document = JsonDocument.Parse(result.StandardOutput);
        return (string.Join(' ', result.StandardError.Split('\n', StringSplitOptions.TrimEntries)), document.RootElement.Clone());
    }
}
