using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>A training that is killed again and again, at moments that nobody chooses.</summary>
[TestClass]
public sealed class RandomKillTests
{
    private const int KillCount = 50;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [TestCategory("Slow")]
    public async Task Train_KilledFiftyTimes_GoesOnFromTheNewestCheckpointEachTime()
    {
        using var folder = new TemporaryFolder();
        ColourFolder.Create(folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        var random = new Random(1);
        int count = Soak.Count(KillCount), epochs = Math.Max(20, 2 * count), kills = 0, resumed = 0, partial = 0, finished = 0;
        long step = 0;
        for (; kills < count; kills++)
        {
            // Some in the start of the program, most while it trains and writes.
            TimeSpan delay = TimeSpan.FromMilliseconds(random.Next(2500));
            string output = await RunAndKillAsync(Arguments("killed.zip", "killed"), afterFirstEpoch: random.Next(5) > 0, delay);
            if (Regex.Match(output, "Resuming from .*, after (?<step>[0-9]+) steps") is { Success: true } match)
            {
                Assert.AreEqual(step, long.Parse(match.Groups["step"].Value, CultureInfo.InvariantCulture), "It resumes from another checkpoint than the newest.");
                resumed++;
            }

            partial += Directory.Exists(folder.File("killed")) ? Directory.GetFiles(folder.File("killed"), "*.partial").Length : 0;
            long newest = StepOf(folder.File("killed/last.checkpoint"));
            Assert.IsGreaterThanOrEqualTo(step, newest);
            step = newest;
            if (File.Exists(folder.File("killed.zip")))
            {
                // It was faster than the kills: start over.
                finished++;
                File.Delete(folder.File("killed.zip"));
                Directory.Delete(folder.File("killed"), recursive: true);
                step = 0;
            }
        }

        TestContext.WriteLine($"{kills} kills, {resumed} resumed, {partial} in the midst of writing, {finished} too late, {step} steps at the end.");
        Assert.IsGreaterThan(0, resumed);
        ProcessResult last = await DotNet.RunAsync(Arguments("killed.zip", "killed")), whole = await DotNet.RunAsync(Arguments("whole.zip", "whole"));
        Assert.AreEqual(0, last.ExitCode, last.Output);
        Assert.AreEqual(0, whole.ExitCode, whole.Output);
        SavedWeights.AssertEqual(WeightsOf("whole.zip"), WeightsOf("killed.zip"));
        Assert.IsEmpty(Directory.GetFiles(folder.File("killed"), "*.partial"));

        string[] Arguments(string model, string checkpoints) =>
        [
            "exec", RepositoryPaths.Tool, "--images", folder.File("images"), "--epochs", $"{epochs}", "--batch", "8",
            "--output", folder.File(model), "--checkpoints", folder.File(checkpoints),
        ];

        Dictionary<string, float[]> WeightsOf(string model)
        {
            ITransformer loaded = new MLContext(1).Model.Load(folder.File(model), out _);
            using var chain = (IDisposable)loaded;
            return SavedWeights.Of(PixelRows.ResNetOf(loaded));
        }
    }

    /// <summary>The steps of a checkpoint that is there whole; 0 where there is none.</summary>
    private static long StepOf(string path)
    {
        if (!File.Exists(path))
        {
            return 0;
        }

        using FileStream stream = File.OpenRead(path);
        var (entries, metadata) = SafetensorsHeader.Read(stream);
        Assert.AreEqual(entries[^1].End, stream.Length - stream.Position, "A half-written checkpoint was put in place.");
        return long.Parse(Regex.Match(metadata["training"], "\"state\":\\{[^{]*\"step\":(?<step>[0-9]+)").Groups["step"].Value, CultureInfo.InvariantCulture);
    }

    private static async Task<string> RunAndKillAsync(string[] arguments, bool afterFirstEpoch, TimeSpan delay)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true })!;
        var output = new List<string>();
        var training = new TaskCompletionSource();
        Task reading = Task.Run(async () =>
        {
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                output.Add(line);
                if (line.StartsWith("epoch ", StringComparison.Ordinal))
                {
                    training.TrySetResult();
                }
            }

            training.TrySetResult();
        });
        try
        {
            if (afterFirstEpoch)
            {
                await training.Task.WaitAsync(TimeSpan.FromMinutes(2));
            }

            await Task.Delay(delay);
        }
        finally
        {
            // SIGKILL on Unix: nothing of the program runs any more.
            process.Kill();
            await process.WaitForExitAsync();
            await reading;
        }

        return string.Join('\n', output);
    }
}
