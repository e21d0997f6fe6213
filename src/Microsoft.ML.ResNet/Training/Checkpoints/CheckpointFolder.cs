using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Keeps the state of a training on disk: <c>last.checkpoint</c>, a safetensors file with all that the training needs to go on as if it
/// had never stopped, <c>best.safetensors</c>, the best weights so far, and <c>start.checkpoint</c>, where fine-tuning began. A file is replaced only when the new one is
/// complete.
/// </summary>
/// <param name="path">The folder; made when the first file is written.</param>
/// <param name="identity">The settings and data that a checkpoint must have been made with, to resume from it: names and values.</param>
/// <param name="resumes">Whether to resume from a checkpoint that is there.</param>
/// <param name="difference">Says how a value differs, from its name, the saved value and the present one; null for the two values themselves.</param>
internal sealed class CheckpointFolder(string path, IReadOnlyDictionary<string, string> identity, bool resumes, Func<string, string?, string, string>? difference = null)
{
    /// <summary>The version that this library writes, and the only one that it reads.</summary>
    private const int FormatVersion = 1;

    private const string StateName = "training";
    private const string StartName = "fineTuning";
    private const string NetworkPrefix = "network";
    private const string TrialPrefix = "trial";

    /// <summary>Where fine-tuning began, while it could not be written; null where it is on the disk.</summary>
    private Action? _writeStart;

    /// <exception cref="IOException">The path is a file.</exception>
    public string Path { get; } = File.Exists(path) ? throw new IOException($"CheckpointDirectory '{path}' is a file, expected a folder. Choose another path, or remove the file.") : System.IO.Path.GetFullPath(path);

    public string LastPath => System.IO.Path.Combine(Path, "last.checkpoint");

    public string BestPath => System.IO.Path.Combine(Path, "best.safetensors");

    public string StartPath => System.IO.Path.Combine(Path, "start.checkpoint");

    public bool HasLast => File.Exists(LastPath);

    /// <summary>Whether training resumes from a checkpoint.</summary>
    public bool WillResume => resumes && HasLast;

    /// <summary>Requires that files can be written into the folder: a training whose checkpoints can't be is to end before it has begun. One that resumes has written some.</summary>
    /// <exception cref="IOException">They can't.</exception>
    public void RequireWritable()
    {
        if (WillResume)
        {
            return;
        }

        MakeFolder();
        string probe = $"{LastPath}.probe";
        CheckpointFile.Write(probe, stream => stream.WriteByte(0));
        File.Delete(probe);
    }

    /// <summary>Writes the state of a training, and where fine-tuning began, where that is still to be written: the one is of no use without the other.</summary>
    /// <exception cref="IOException">It can't be written. The checkpoint that was there is as it was.</exception>
    public void Save(TrainingState state, ResidualNetwork network, ResidualNetwork? average, IOptimizer optimizer, BestWeights best)
    {
        MakeFolder();
        _writeStart?.Invoke();
        var document = new Document(FormatVersion, identity, state, best.Entries is not null);
        CheckpointFile.Write(LastPath, StateName, document, Tensors(network, average, optimizer, best.Entries));
    }

    /// <summary>Writes where fine-tuning begins; where that fails, <see cref="Save"/> tries again.</summary>
    /// <param name="weights">The network with its fitted classifier. It is kept as long as the training.</param>
    /// <param name="tried">The network at the end of the trial, where there was one; kept, too.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void SaveStart(FineTuningStart start, BestWeights weights, BestWeights? tried = null)
    {
        _writeStart = () =>
        {
            MakeFolder();
            var document = new StartDocument(FormatVersion, identity, start with { HasTrial = tried?.Entries is not null });
            CheckpointFile.Write(StartPath, StartName, document, [.. Prefixed(NetworkPrefix, weights.Entries!), .. Prefixed(TrialPrefix, tried?.Entries ?? [])]);
            _writeStart = null;
        };
        _writeStart();
    }

    /// <summary>Writes a file of the folder. What is lost is what an interruption would lose, and no reason to lose the training: where it can't be written, that is a warning.</summary>
    /// <param name="write">One of the methods that write.</param>
    /// <param name="when">When it is tried again.</param>
    /// <returns>Whether it was written.</returns>
    public static bool Try(Action write, string when, TrainingCallbacks host)
    {
        try
        {
            write();
            return true;
        }
        catch (IOException exception)
        {
            host.Warn($"{exception.Message} The training goes on, and {when}.");
            return false;
        }
    }

    /// <summary>Reads where fine-tuning began, if training is to resume and had come so far.</summary>
    /// <param name="network">Has the shapes of the weights.</param>
    /// <param name="weights">Takes the network with its fitted classifier.</param>
    /// <param name="tried">Takes the network at the end of the trial, where there was one.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or was made with other settings or data.</exception>
    public FineTuningStart? ResumeStart(ResidualNetwork network, BestWeights weights, BestWeights tried)
    {
        if (Directory.Exists(Path))
        {
            AtomicFile.RemovePartial(StartPath);
        }

        if (!resumes || !File.Exists(StartPath))
        {
            return null;
        }

        return CheckpointFile.Read<StartDocument>(StartPath, StartName, Check, document =>
        {
            CheckIdentity(document.Identity);
            return Prefixed(NetworkPrefix, weights.Allocate(network)).Concat(document.Start.HasTrial ? Prefixed(TrialPrefix, tried.Allocate(network)) : []);
        }).Start;
    }

    /// <summary>Writes the best weights, for other uses than to go on.</summary>
    /// <exception cref="IOException">They can't be written.</exception>
    public void SaveBest(BestWeights best)
    {
        MakeFolder();
        CheckpointFile.Write(BestPath, stream => NetworkWeights.Write(best.Entries!, stream));
    }

    /// <summary>
    /// Goes on from the last checkpoint where that is wanted and there is one: fills the tensors and gives the state. Where it is not
    /// wanted, an unfinished checkpoint is kept as <c>previous.checkpoint</c>.
    /// </summary>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or was made with other settings or data.</exception>
    public TrainingState? Resume(ResidualNetwork network, ResidualNetwork? average, IOptimizer optimizer, BestWeights best)
    {
        RemovePartial();
        if (!HasLast)
        {
            return null;
        }

        if (!resumes)
        {
            File.Move(LastPath, System.IO.Path.Combine(Path, "previous.checkpoint"), overwrite: true);
            return null;
        }

        return CheckpointFile.Read<Document>(LastPath, StateName, Check, document =>
        {
            CheckIdentity(document.Identity);
            return Tensors(network, average, optimizer, document.HasBest ? best.Allocate(network) : null);
        }).State;
    }

    /// <summary>The seed of the checkpoint that training resumes from, or null.</summary>
    public static long? SeedOf(string path)
    {
        string last = System.IO.Path.Combine(path, "last.checkpoint");
        Document? document = File.Exists(last) ? CheckpointFile.ReadDocument<Document>(last, StateName, Check) : null;
        return long.TryParse(document?.Identity.GetValueOrDefault(nameof(TrainingSettings.Seed)), out long seed) ? seed : null;
    }

    /// <summary>A state for the other ranks of a training.</summary>
    public static byte[] ToJson(TrainingState state) => CheckpointFile.ToJson(state);

    public static TrainingState StateFrom(byte[] json) => CheckpointFile.FromJson<TrainingState>(json);

    private void MakeFolder()
    {
        try
        {
            Directory.CreateDirectory(Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"CheckpointDirectory '{Path}' can't be made: {exception.Message.TrimEnd('.')}. Choose a folder that may be written.", exception);
        }
    }

    /// <summary>A process that is killed while it writes leaves a partial file, which is never read.</summary>
    private void RemovePartial()
    {
        if (Directory.Exists(Path))
        {
            AtomicFile.RemovePartial(LastPath);
            AtomicFile.RemovePartial(BestPath);
        }
    }

    private static void Check(Document document)
    {
        if (document.FormatVersion != FormatVersion)
        {
            throw new InvalidDataException($"Its format version is {document.FormatVersion}, expected {FormatVersion}.");
        }

        if (document is not { Identity: not null, State: { Epoch: >= 1, Batch: >= 0, Step: >= 0, Position: >= 0, ShardCount: >= 1, Metrics: not null, Stopping: not null, History: { } history } }
            || history.Any(epoch => epoch is null))
        {
            throw new InvalidDataException("Its training state has parts that are missing or out of range.");
        }
    }

    private static void Check(StartDocument document)
    {
        if (document is not { FormatVersion: FormatVersion, Identity: not null, Start: { RateScale: > 0 and <= 1, Share: > 0 and <= 1 } })
        {
            throw new InvalidDataException("Its state has parts that are missing or out of range.");
        }
    }

    private void CheckIdentity(IReadOnlyDictionary<string, string> saved)
    {
        string[] differences =
        [
            .. identity.Where(item => saved.GetValueOrDefault(item.Key) != item.Value)
                .Select(item => difference?.Invoke(item.Key, saved.GetValueOrDefault(item.Key), item.Value)
                    ?? $"{item.Key} was '{saved.GetValueOrDefault(item.Key)}' and is '{item.Value}'"),
        ];
        if (differences.Length > 0)
        {
            throw new InvalidDataException($"It was made with other settings or data: {string.Join("; ", differences)}.");
        }
    }

    private static List<(string Name, Tensor Tensor)> Tensors(
        ResidualNetwork network, ResidualNetwork? average, IOptimizer optimizer, IReadOnlyList<(string Name, Tensor Tensor)>? best) =>
    [
        .. Prefixed(NetworkPrefix, network.StateEntries),
        .. Prefixed("average", average?.StateEntries ?? []),
        .. Prefixed("optimizer", optimizer.State),
        .. Prefixed("best", best ?? []),
    ];

    private static IEnumerable<(string Name, Tensor Tensor)> Prefixed(string prefix, IEnumerable<(string Name, Tensor Tensor)> entries)
        => entries.Select(entry => ($"{prefix}.{entry.Name}", entry.Tensor));

    private sealed record Document(int FormatVersion, IReadOnlyDictionary<string, string> Identity, TrainingState State, bool HasBest);

    private sealed record StartDocument(int FormatVersion, IReadOnlyDictionary<string, string> Identity, FineTuningStart Start);
}
