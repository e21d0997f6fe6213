using System.Text.Json;
using System.Text.Json.Serialization;
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
    private const string Advice = "Free space there or choose another CheckpointDirectory; with ResumeFromCheckpoint the training resumes from the last checkpoint.";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string LastPath => System.IO.Path.Combine(Path, "last.checkpoint");

    public string BestPath => System.IO.Path.Combine(Path, "best.safetensors");

    public string StartPath => System.IO.Path.Combine(Path, "start.checkpoint");

    public bool HasLast => File.Exists(LastPath);

    /// <summary>Whether training resumes from a checkpoint.</summary>
    public bool WillResume => resumes && HasLast;

    /// <summary>Writes the state of a training.</summary>
    public void Save(TrainingState state, ResidualNetwork network, ResidualNetwork? average, IOptimizer optimizer, BestWeights best)
    {
        MakeFolder();
        var document = new Document(FormatVersion, identity, state, best.Entries is not null);
        AtomicFile.Write(
            LastPath,
            stream => TensorStream.Write(
                Tensors(network, average, optimizer, best.Entries),
                new Dictionary<string, string> { [StateName] = JsonSerializer.Serialize(document, Json) },
                stream),
            Advice);
    }

    /// <summary>Writes where fine-tuning begins.</summary>
    /// <param name="weights">The network with its fitted classifier.</param>
    /// <param name="tried">The network at the end of the trial, where there was one.</param>
    public void SaveStart(FineTuningStart start, BestWeights weights, BestWeights? tried = null)
    {
        MakeFolder();
        var document = new StartDocument(FormatVersion, identity, start with { HasTrial = tried?.Entries is not null });
        AtomicFile.Write(
            StartPath,
            stream => TensorStream.Write(
                [.. Prefixed(NetworkPrefix, weights.Entries!), .. Prefixed(TrialPrefix, tried?.Entries ?? [])],
                new Dictionary<string, string> { [StartName] = JsonSerializer.Serialize(document, Json) },
                stream),
            Advice);
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

        return Read(StartPath, (entries, metadata, stream) =>
        {
            StartDocument document = Deserialize<StartDocument>(metadata, StartName);
            if (document is not { FormatVersion: FormatVersion, Identity: not null, Start: { RateScale: > 0 and <= 1, Share: > 0 and <= 1 } start })
            {
                throw new InvalidDataException("Its state has parts that are missing or out of range.");
            }

            CheckIdentity(document.Identity);
            IEnumerable<(string, Tensor)> room = Prefixed(NetworkPrefix, weights.Allocate(network)).Concat(start.HasTrial ? Prefixed(TrialPrefix, tried.Allocate(network)) : []);
            TensorStream.Read(entries, room.ToDictionary(entry => entry.Item1, entry => entry.Item2, StringComparer.Ordinal), stream);
            return start;
        });
    }

    /// <summary>Writes the best weights, for other uses than to go on.</summary>
    public void SaveBest(ResidualNetwork network)
    {
        MakeFolder();
        AtomicFile.Write(BestPath, stream => NetworkWeights.Write(network, stream), Advice);
    }

    /// <summary>
    /// Goes on from the last checkpoint where that is wanted and there is one: fills the tensors and gives the state. Where it is not
    /// wanted, an unfinished checkpoint is kept as <c>previous.checkpoint</c>.
    /// </summary>
    /// <param name="stepCount">The steps of an epoch.</param>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or was made with other settings or data.</exception>
    public TrainingState? Resume(ResidualNetwork network, ResidualNetwork? average, IOptimizer optimizer, BestWeights best, int stepCount)
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

        return Read(LastPath, (entries, metadata, stream) =>
        {
            Document document = Parse(metadata);
            CheckIdentity(document.Identity);
            if (document.State.Batch >= stepCount)
            {
                throw new InvalidDataException($"Its training state stands at batch {document.State.Batch} of an epoch that has {stepCount}.");
            }

            TensorStream.Read(
                entries,
                Tensors(network, average, optimizer, document.HasBest ? best.Allocate(network) : null)
                    .ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal),
                stream);
            return document.State;
        });
    }

    /// <summary>The seed of the checkpoint that training resumes from, or null.</summary>
    public static long? SeedOf(string path)
    {
        string last = System.IO.Path.Combine(path, "last.checkpoint");
        if (!File.Exists(last))
        {
            return null;
        }

        try
        {
            using FileStream stream = File.OpenRead(last);
            return long.TryParse(Parse(SafetensorsHeader.Read(stream).Metadata).Identity.GetValueOrDefault(nameof(TrainingSettings.Seed)), out long seed) ? seed : null;
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException or NotSupportedException)
        {
            return null; // Resume says what is wrong with it.
        }
    }

    /// <summary>A state for the other ranks of a training.</summary>
    public static byte[] ToJson(TrainingState state) => JsonSerializer.SerializeToUtf8Bytes(state, Json);

    public static TrainingState StateFrom(byte[] json) => JsonSerializer.Deserialize<TrainingState>(json, Json)!;

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

    /// <summary>Reads a file of the folder. What is wrong with it becomes an error that names it and says what to do.</summary>
    private static T Read<T>(string path, Func<IReadOnlyList<SafetensorsEntry>, IReadOnlyDictionary<string, string>, Stream, T> read)
    {
        using FileStream stream = File.OpenRead(path);
        try
        {
            var (entries, metadata) = SafetensorsHeader.Read(stream);
            return read(entries, metadata, stream);
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException or NotSupportedException)
        {
            throw new InvalidDataException(
                $"Can't resume from checkpoint '{path}': {exception.Message} Set ResumeFromCheckpoint to false to start over, or choose another CheckpointDirectory.", exception);
        }
    }

    private static T Deserialize<T>(IReadOnlyDictionary<string, string> metadata, string name)
        where T : class
    {
        if (!metadata.TryGetValue(name, out string? json))
        {
            throw new InvalidDataException("It has no training state.");
        }

        return JsonSerializer.Deserialize<T>(json, Json) ?? throw new InvalidDataException("Its training state is empty.");
    }

    private static Document Parse(IReadOnlyDictionary<string, string> metadata)
    {
        Document document = Deserialize<Document>(metadata, StateName);
        if (document.FormatVersion != FormatVersion)
        {
            throw new InvalidDataException($"Its format version is {document.FormatVersion}, expected {FormatVersion}.");
        }

        return document is { Identity: not null, State: { Epoch: >= 1, Batch: >= 0, Step: >= 0, Position: >= 0, ShardCount: >= 1, Metrics: not null, Stopping: not null, History: { } history } }
            && history.All(epoch => epoch is not null)
            ? document
            : throw new InvalidDataException("Its training state has parts that are missing or out of range.");
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
