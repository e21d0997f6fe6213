using System.Diagnostics;
using System.Globalization;
using System.Text;

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

        MpiJob.Ended ended = await RunAsync(["-n", "2", .. Program("--epochs", "4", "--batch", "8", "--output", model)]);

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
        MpiJob.Ended ended = await RunAsync(["-n", "1", .. Program("--epochs", "4"), ":", "-n", "1", .. Program("--epochs", "5")]);

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

        MpiJob.Ended resumed = await RunAsync(["-n", "1", .. Program("--epochs", "300", "--batch", "8", "--accumulate", "2", "--checkpoints", checkpoints, "--output", model)]);

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
        MpiJob.Ended begun = await RunAsync(["-n", "2", .. Program("--epochs", "1", "--batch", "8", "--checkpoints", checkpoints, "--output", Folder.File("steps.zip"))]);
        Assert.AreEqual(0, begun.ExitCode, begun.Output);

        MpiJob.Ended other = await RunAsync(["-n", "1", .. Program("--epochs", "1", "--batch", "8", "--checkpoints", checkpoints, "--output", Folder.File("steps.zip"))]);

        Assert.AreNotEqual(0, other.ExitCode);
        StringAssert.Contains(other.Output, "BatchSize was '16' and is '8'");
    }

    [TestMethod]
    public async Task Train_TarFiles_TrainsAsWithFolders()
    {
        string shards = TarFiles.WriteColours(Folder.Path, files: 3, imagesPerFile: 11);

        MpiJob.Ended ended = await RunAsync(["-n", "2", "dotnet", RepositoryPaths.Sample("DistributedTraining"), "--images", shards, "--test", Folder.Path, "--epochs", "6", "--batch", "4", "--output", Folder.File("tar.zip")]);

        Assert.AreEqual(0, ended.ExitCode, ended.Output);
        StringAssert.Contains(ended.Output, "Test accuracy 1.000");
    }

    /// <summary>Two hosts, each with a network of its own, between which all goes by TCP.</summary>
    [TestMethod]
    public async Task Train_TwoHosts_TrainTheModelOfOneHost()
    {
        string first = Folder.File("host.zip"), second = Folder.File("hosts.zip");
        using var hosts = TwoHosts.Create(Folder.Path);

        MpiJob.Ended apart = await MpiJob.EndAsync(hosts.Start(Program("--epochs", "4", "--batch", "8", "--output", second)));
        MpiJob.Ended together = await RunAsync(["-n", "2", .. Program("--epochs", "4", "--batch", "8", "--output", first)]);

        Assert.AreEqual(0, apart.ExitCode, apart.Output);
        string[] Losses(MpiJob.Ended ended) => [.. ended.Output.Split('\n').Where(line => line.StartsWith("Epoch ", StringComparison.Ordinal)).Select(line => line.Split(" images/s")[0]).Select(line => line[..line.LastIndexOf(',')])];
        CollectionAssert.AreEqual(Losses(together), Losses(apart));
        Assert.HasCount(4, Losses(apart));

        // The gradients of ResNet20, 1.1 MB, at least once a step.
        Assert.IsGreaterThan(4L * 2 * 1_000_000, hosts.BytesSent);
    }

    /// <summary>A host that is cut off says nothing to anybody: the others notice that it is silent.</summary>
    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Train_HostIsCutOff_EndsTheJobAndResumesWithFewer()
    {
        string checkpoints = Folder.File("cut"), model = Folder.File("cut.zip");
        using var hosts = TwoHosts.Create(Folder.Path);
        List<string> lines = [];
        using Process job = hosts.Start(Program("--epochs", "300", "--batch", "8", "--checkpoints", checkpoints, "--output", model));
        while (await job.StandardOutput.ReadLineAsync() is { } line && !line.StartsWith("Epoch 3:", StringComparison.Ordinal))
        {
            lines.Add(line);
        }

        hosts.Disconnect();
        const string said = "Rank 1 has not been heard of for 15 seconds: its machine is down, or the network to it.";
        Task<string> errors = ReadUntilAsync(job.StandardError, said);
        var clock = Stopwatch.StartNew();
        while (Ranks(checkpoints).Length > 0)
        {
            Assert.IsLessThan(30, clock.Elapsed.TotalSeconds, string.Join('\n', lines));
            await Task.Delay(200);
        }

        Console.WriteLine($"Both processes ended {clock.Elapsed.TotalSeconds:F1} s after the line was cut.");

        // mpiexec passes on what a process has written, and may be about to when the process has ended.
        await Task.WhenAny(errors, Task.Delay(TimeSpan.FromSeconds(30)));
        job.Kill(entireProcessTree: true);
        StringAssert.Contains(await errors, said);

        MpiJob.Ended resumed = await RunAsync(["-n", "1", .. Program("--epochs", "300", "--batch", "8", "--accumulate", "2", "--checkpoints", checkpoints, "--output", model)]);
        Assert.AreEqual(0, resumed.ExitCode, resumed.Output);
        Assert.IsGreaterThanOrEqualTo(3, int.Parse(resumed.Output.Split('\n').First(line => line.StartsWith("Epoch ", StringComparison.Ordinal)).Split(' ', ':')[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Reads lines up to one that has a text in it, or all there are.</summary>
    private static async Task<string> ReadUntilAsync(StreamReader reader, string text)
    {
        var read = new StringBuilder();
        while (await reader.ReadLineAsync() is { } line)
        {
            read.AppendLine(line);
            if (line.Contains(text, StringComparison.Ordinal))
            {
                break;
            }
        }

        return read.ToString();
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

    private static Process Start(params string[] arguments) => MpiJob.Start(Folder.Path, arguments);

    private static Task<MpiJob.Ended> RunAsync(params string[] arguments) => MpiJob.RunAsync(Folder.Path, arguments);
}
