using System.Security.Cryptography;
using System.Text.Json;
using ImageClassification.CommandLine;

namespace ImageClassification.Scoring;

/// <summary>The folder that parts of results are written to, with a file that says what they were made with.</summary>
internal sealed class ScoringFolder
{
    private const string DescriptionFile = "predict.json";

    private static readonly JsonSerializerOptions s_format = new() { WriteIndented = true };

    private readonly string _path;
    private readonly PartFormat _format;

    private ScoringFolder(string path, PartFormat format) => (_path, _format) = (path, format);

    /// <summary>Opens the folder, which is made where it is missing.</summary>
    /// <exception cref="WrongArgumentException">It has parts that were made of other images, with another model or with other options.</exception>
    public static ScoringFolder Open(string path, PartFormat format, string modelPath, IReadOnlyDictionary<string, string> options, IReadOnlyList<ScoringPart> parts)
    {
        Directory.CreateDirectory(path);
        using FileStream model = File.OpenRead(modelPath);
        var settings = new Dictionary<string, string>(options) { ["model"] = Convert.ToHexString(SHA256.HashData(model)), ["--format"] = $"{format}" };
        Dictionary<string, string> sources = parts.ToDictionary(part => part.Name, part => part.Source);
        if (Read(path) is { } before)
        {
            CheckSame(path, before, new Description(settings, sources));
            sources = before.Parts.Concat(sources).DistinctBy(part => part.Key).ToDictionary();
        }

        // All processes write the same.
        string file = Path.Combine(path, DescriptionFile), own = $"{file}.{Guid.NewGuid():N}";
        File.WriteAllText(own, JsonSerializer.Serialize(new Description(settings, sources), s_format));
        File.Move(own, file, overwrite: true);
        return new ScoringFolder(path, format);
    }

    /// <summary>The file of a part.</summary>
    public string PathOf(ScoringPart part) => PathOf(_path, _format, part);

    /// <summary>All files that a folder will have.</summary>
    public static IEnumerable<string> FilesOf(string path, PartFormat format, IEnumerable<ScoringPart> parts)
        => [Path.Combine(path, DescriptionFile), .. parts.Select(part => PathOf(path, format, part))];

    /// <summary>Whether the part is done: only what is complete has its name.</summary>
    public bool Has(ScoringPart part) => File.Exists(PathOf(part)) && (part.Changed is null || File.GetLastWriteTimeUtc(PathOf(part)) >= part.Changed);

    private static string PathOf(string path, PartFormat format, ScoringPart part) => Path.Combine(path, $"{part.Name}.{format.ToString().ToLowerInvariant()}");

    private static Description? Read(string path)
    {
        string file = Path.Combine(path, DescriptionFile);
        try
        {
            return JsonSerializer.Deserialize<Description>(File.ReadAllText(file));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (JsonException exception)
        {
            throw new WrongArgumentException($"'{file}' is no description of results: {exception.Message} Remove the folder, or name another with --output.", exception);
        }
    }

    private static void CheckSame(string path, Description before, Description now)
    {
        string[] differences =
        [
            .. now.Settings.Where(item => before.Settings.GetValueOrDefault(item.Key) != item.Value)
                .Select(item => item.Key == "model" ? "the model is another one" : $"{item.Key} was '{before.Settings.GetValueOrDefault(item.Key)}' and is '{item.Value}'"),
            .. now.Parts.Where(part => before.Parts.TryGetValue(part.Key, out string? source) && source != part.Value)
                .Select(part => $"{part.Key} was of {before.Parts[part.Key]} and is of {part.Value}").Take(1),
        ];
        if (differences.Length > 0)
        {
            throw new WrongArgumentException($"The folder '{path}' has results that were made otherwise: {string.Join(", ", differences)}. Remove them, or name another folder with --output.");
        }
    }

    /// <param name="Settings">What all parts were made with.</param>
    /// <param name="Parts">What each part is of.</param>
    private sealed record Description(IReadOnlyDictionary<string, string> Settings, IReadOnlyDictionary<string, string> Parts);
}
