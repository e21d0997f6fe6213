using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The sample that trains by several processes, over MPI, as mpiexec starts it. It competes with no other test for the processors.</summary>
[TestClass]
[DoNotParallelize]
public sealed class DistributedTrainingTests
{
    private static readonly TemporaryFolder Folder = new();
    private static readonly string Images = Folder.File("images");

    [ClassInitialize]
    public static void MakeImages(TestContext context) => ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);

    [ClassCleanup]
    public static void RemoveFolder() => Folder.Dispose();

    [TestMethod]
    public async Task Train_TwoProcesses_GivesOneModelOfOneReport()
    {
        string model = Folder.File("two.zip");

        Ended ended = await RunAsync(["-n", "2", .. Program("--epochs", "4", "--batch", "8", "--output", model)]);

        Assert.AreEqual(0, ended.ExitCode, ended.Output);
        Assert.AreEqual(4, ended.Output.Split('\n').Count(line => line.StartsWith("Epoch ", StringComparison.Ordinal)), ended.Output);
        StringAssert.Contains(ended.Output, ", 2 processes");
        ITransformer loaded = new MLContext().Model.Load(model, out _);
        using (loaded as IDisposable)
        {
            Assert.HasCount(4, ((IEnumerable<ITransformer>)loaded).OfType<ResNetTransformer>().Single().TrainingHistory);
        }
    }

    [TestMethod]
    public async Task Train_OtherOptionsInOneProcess_EndsAllAndSaysWhich()
    {
        Ended ended = await RunAsync(["-n", "1", .. Program("--epochs", "4"), ":", "-n", "1", .. Program("--epochs", "5")]);

        Assert.AreNotEqual(0, ended.ExitCode);
        StringAssert.Contains(ended.Output, "Rank 1 has other options or data than rank 0: Epochs is '5', on rank 0 '4'.");
    }

    /// <summary>A process that is killed ends the job; the checkpoint is whole, and one process goes on with it.</summary>
    [TestMethod]
    public async Task Train_ProcessIsKilled_EndsTheJobAndResumesWithFewer()
    {
        string checkpoints = Folder.File("checkpoints"), model = Folder.File("killed.zip");
        var lines = new List<string>();
        using Process job = Start(["-n", "2", .. Program("--epochs", "300", "--batch", "8", "--checkpoints", checkpoints, "--output", model)]);
        while (await job.StandardOutput.ReadLineAsync() is { } line)
        {
            lines.Add(line);
            if (line.StartsWith("Epoch 3:", StringComparison.Ordinal))
            {
                Process.GetProcessById(Ranks(checkpoints)[^1]).Kill();
                break;
            }
        }

        var clock = Stopwatch.StartNew();
        Task<string> rest = job.StandardOutput.ReadToEndAsync(), errors = job.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await job.WaitForExitAsync(limit.Token);
        Console.WriteLine($"The job ended {clock.Elapsed.TotalSeconds:F1} s after its process: {await rest} {await errors}");
        Assert.AreNotEqual(0, job.ExitCode);
        Assert.IsEmpty(Ranks(checkpoints));
        Assert.IsFalse(File.Exists(model));

        Ended resumed = await RunAsync(["-n", "1", .. Program("--epochs", "300", "--batch", "8", "--accumulate", "2", "--checkpoints", checkpoints, "--output", model)]);

        Assert.AreEqual(0, resumed.ExitCode, resumed.Output);
        string[] epochs = [.. resumed.Output.Split('\n').Where(line => line.StartsWith("Epoch ", StringComparison.Ordinal))];
        int first = int.Parse(epochs[0].Split(' ', ':')[1], CultureInfo.InvariantCulture);
        Assert.IsTrue(first >= 3, epochs[0]);
        Assert.HasCount(300 - first + 1, epochs);
        Assert.IsTrue(File.Exists(model));
    }

    /// <summary>A clear error where the processes are not as many as the checkpoint's steps want.</summary>
    [TestMethod]
    public async Task Train_CheckpointOfOtherSteps_SaysWhatDiffers()
    {
        string checkpoints = Folder.File("steps");
        Ended begun = await RunAsync(["-n", "2", .. Program("--epochs", "1", "--batch", "8", "--checkpoints", checkpoints, "--output", Folder.File("steps.zip"))]);
        Assert.AreEqual(0, begun.ExitCode, begun.Output);

        Ended other = await RunAsync(["-n", "1", .. Program("--epochs", "1", "--batch", "8", "--checkpoints", checkpoints, "--output", Folder.File("steps.zip"))]);

        Assert.AreNotEqual(0, other.ExitCode);
        StringAssert.Contains(other.Output, "BatchSize was '16' and is '8'");
    }

    /// <summary>The processes of a job, by an argument that no other program has.</summary>
    private static int[] Ranks(string argument) =>
    [
        .. Directory.GetDirectories("/proc")
            .Where(folder => int.TryParse(Path.GetFileName(folder), out _))
            .Where(folder => CommandOf(folder) is { } command && command.Contains(argument, StringComparison.Ordinal) && command.StartsWith("dotnet\0", StringComparison.Ordinal))
            .Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)),
    ];

    private static string? CommandOf(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline"));
        }
        catch (IOException)
        {
            return null; // It has ended.
        }
    }

    private static string[] Program(params string[] arguments) => ["dotnet", RepositoryPaths.Sample("DistributedTraining"), "--images", Images, "--test", Images, .. arguments];

    private static Process Start(params string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || !Directory.GetFiles("/usr/bin", "mpiexec*").Any(file => Path.GetFileName(file) == "mpiexec"))
        {
            Assert.Inconclusive("There is no mpiexec (Debian: package mpich).");
        }

        return Process.Start(new ProcessStartInfo("mpiexec", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(Images)! })!;
    }

    private static async Task<Ended> RunAsync(params string[] arguments)
    {
        using Process job = Start(arguments);
        Task<string> output = job.StandardOutput.ReadToEndAsync(), errors = job.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            await job.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            job.Kill(entireProcessTree: true);
            throw;
        }

        return new Ended(job.ExitCode, $"{await output}{await errors}");
    }

    private sealed record Ended(int ExitCode, string Output);
}
