using ImageClassification.CommandLine;
using Microsoft.ML.ResNet;

namespace ImageClassification.Commands;

/// <summary>Writes pictures of what speaks for a class: one file, or a folder with a file for each image.</summary>
internal sealed class ExplainedFiles
{
    private readonly ResNetTransformer _network;
    private readonly string? _className;
    private readonly Dictionary<string, string> _paths;

    private ExplainedFiles(ResNetTransformer network, string? className, Dictionary<string, string> paths)
    {
        _network = network;
        _className = className;
        _paths = paths;
    }

    /// <exception cref="WrongArgumentException">The model explains nothing, has no such class, or the path can't be written.</exception>
    public static ExplainedFiles Create(SavedModel model, string path, IReadOnlyList<string> images, string? className)
    {
        ResNetTransformer network = model.Network ?? throw new WrongArgumentException("--explain needs a model with a residual network, one that 'train' made.");
        if (className is not null && !network.ClassNames.Contains(className))
        {
            throw new WrongArgumentException($"--class is '{className}', expected one of {string.Join(", ", network.ClassNames.Take(20))}.");
        }

        if (images.Count == 1 && !Directory.Exists(path))
        {
            PathCheck.CanBeWritten(new NamedPath("--explain", path));
            return new ExplainedFiles(network, className, new Dictionary<string, string> { [images[0]] = path });
        }

        PathCheck.CanBeFolder(new NamedPath("--explain", path));
        Directory.CreateDirectory(path);

        // Images of the same name, of different folders, have numbers.
        Dictionary<string, string> paths = [];
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        foreach (string image in images.Distinct())
        {
            string name = Path.GetFileNameWithoutExtension(image);
            string free = name;
            for (int number = 2; !names.Add(free); number++)
            {
                free = $"{name}-{number}";
            }

            paths[image] = Path.Combine(path, $"{free}.png");
        }

        return new ExplainedFiles(network, className, paths);
    }

    /// <summary>The pictures that are written.</summary>
    public IEnumerable<string> Paths => _paths.Values;

    /// <returns>The path of the picture.</returns>
    public string Write(string image)
    {
        File.WriteAllBytes(_paths[image], _network.Explain(image, _className).ToPng());
        return _paths[image];
    }
}
