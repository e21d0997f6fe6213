using System.Text;
using System.Text.Json;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Where the labels of the images in tar files are.</summary>
/// <param name="Extension">That of the file beside each image that has its label; null: in none.</param>
/// <param name="IsFolder">Whether the folder of an image is its label.</param>
internal sealed record ShardLabels(string? Extension, bool IsFolder)
{
    private const string JsonExtension = "json";

    /// <summary>What is longer is no label.</summary>
    private const int LongestLabel = 1 << 20;

    private static readonly string[] s_jsonProperties = ["label", "cls", "class"];

    /// <summary>What a tar file shows: <c>.cls</c>, <c>.json</c> with a label, <c>.txt</c>, folders; or no labels.</summary>
    public static ShardLabels Detect(string tar)
    {
        HashSet<string> extensions = new(StringComparer.OrdinalIgnoreCase), ofSample = [];
        TarMember? json = null, jsonOfSample = null;
        bool hasFolders = false, hasImage = false;
        string? key = null;
        foreach (TarMember member in TarMembers.Read(tar))
        {
            ShardName name = ShardName.Of(member.Name);
            if (name.Key != key)
            {
                AddSample();
                key = name.Key;
            }

            ofSample.Add(name.Extension);
            hasImage |= name.IsImage;
            hasFolders |= name.IsImage && name.Folder.Length > 0;
            jsonOfSample ??= Is(name.Extension, JsonExtension) ? member : null;
        }

        AddSample();
        return extensions.Contains("cls") ? new ShardLabels("cls", false)
            : json is { } first && Label(ReadText(tar, first)) is not null ? new ShardLabels(JsonExtension, false)
            : extensions.Contains("txt") ? new ShardLabels("txt", false)
            : new ShardLabels(null, hasFolders);

        // A file without an image of its name, such as a licence, tells nothing.
        void AddSample()
        {
            if (hasImage)
            {
                extensions.UnionWith(ofSample);
                json ??= jsonOfSample;
            }

            ofSample.Clear();
            (hasImage, jsonOfSample) = (false, null);
        }
    }

    /// <summary>Whether this file has the label of the image of its name.</summary>
    public bool IsLabel(ShardName name) => Extension is not null && Is(name.Extension, Extension);

    /// <summary>The label in a file beside an image.</summary>
    /// <exception cref="InvalidDataException">There is none in it.</exception>
    public string Read(string tar, TarMember member)
    {
        string text = ReadText(tar, member).Trim();
        string? label = Is(Extension!, JsonExtension) ? Label(text) : text;
        return label is { Length: > 0 }
            ? label
            : throw new InvalidDataException($"'{member.Name}' of the tar file '{tar}' has no label, expected {(Is(Extension!, JsonExtension) ? $"a JSON object with '{string.Join("', '", s_jsonProperties[..^1])}' or '{s_jsonProperties[^1]}'" : "a number or a name")}.");
    }

    private static bool Is(string extension, string other) => string.Equals(extension, other, StringComparison.OrdinalIgnoreCase);

    private static string? Label(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return null;
            }

            foreach (string property in s_jsonProperties)
            {
                if (document.RootElement.TryGetProperty(property, out JsonElement value) && value.ValueKind is JsonValueKind.String or JsonValueKind.Number)
                {
                    return value.ToString().Trim();
                }
            }

            return null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string ReadText(string tar, TarMember member)
    {
        if (member.Length > LongestLabel)
        {
            throw new InvalidDataException($"'{member.Name}' of the tar file '{tar}' has {member.Length} bytes, expected a label.");
        }

        using EncodedFile file = EncodedFile.Read(new ImageFile(tar, member.Offset, (int)member.Length));
        return Encoding.UTF8.GetString(file.Content.Span);
    }
}
