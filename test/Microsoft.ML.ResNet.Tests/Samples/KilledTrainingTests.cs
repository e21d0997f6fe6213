using System.Diagnostics;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>A training that is killed and started again, in processes of their own.</summary>
[TestClass]
public sealed class KilledTrainingTests
{
    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Train_KilledInMidEpochAndStartedAgain_GivesTheModelOfAnUninterruptedTraining()
    {
        using var folder = new TemporaryFolder();
        ColourFolder.Create(folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ProcessResult whole = await DotNet.RunAsync(Arguments("whole.zip", "whole"));
        Assert.AreEqual(0, whole.ExitCode, whole.Output);

        await KillAfterEpochAsync(3, Arguments("killed.zip", "killed"));
        Assert.IsFalse(File.Exists(folder.File("killed.zip")), "The training was over before it was killed.");
        Assert.IsTrue(File.Exists(folder.File("killed/last.checkpoint")));
        ProcessResult resumed = await DotNet.RunAsync(Arguments("killed.zip", "killed"));

        Assert.AreEqual(0, resumed.ExitCode, resumed.Output);
        StringAssert.Contains(resumed.StandardOutput, "Resuming from");
        Assert.IsFalse(resumed.StandardOutput.Contains("epoch  1/12", StringComparison.Ordinal), resumed.StandardOutput);
        SavedWeights.AssertEqual(WeightsOf("whole.zip"), WeightsOf("killed.zip"));

        string[] Arguments(string model, string checkpoints) =>
        [
            "exec", RepositoryPaths.Tool, "--images", folder.File("images"), "--epochs", "12", "--batch", "8",
            "--output", folder.File(model), "--checkpoints", folder.File(checkpoints),
        ];

        Dictionary<string, float[]> WeightsOf(string model)
        {
            ITransformer loaded = new MLContext(1).Model.Load(folder.File(model), out _);
            using var chain = (IDisposable)loaded;
            return SavedWeights.Of(PixelRows.ResNetOf(loaded));
        }
    }

    private static async Task KillAfterEpochAsync(int epoch, string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
        try
        {
            string mark = $"epoch {epoch,2}/";
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line && !line.StartsWith(mark, StringComparison.Ordinal))
            {
            }
        }
        finally
        {
            // SIGKILL on Unix: nothing of the program runs any more.
            process.Kill();
            await process.WaitForExitAsync();
        }
    }
}
