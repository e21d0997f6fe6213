using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Reads a network's specification off the names and shapes of its weights.</summary>
internal static class SpecificationInference
{
    private const int MaximumBlocks = 4096;

    /// <summary>
    /// The specification that the entries suggest; whether they fit it in every name and shape is another question. A 7x7 first
    /// convolution means the ImageNet stem and a 3x3 one the CIFAR stem; shortcuts that change the shape without weights are zero-padded.
    /// </summary>
    /// <exception cref="InvalidDataException">They suggest none.</exception>
    public static ResNetSpecification Infer(IReadOnlyList<WeightTensor> tensors)
    {
        Dictionary<string, IReadOnlyList<long>> shapes = tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Shape, StringComparer.Ordinal);
        long kernel = Convolution(shapes, "conv1.weight")[2];
        ResNetStem stem = kernel switch
        {
            7 => ResNetStem.ImageNet,
            3 => ResNetStem.Cifar,
            _ => throw new InvalidDataException($"the first convolution 'conv1.weight' is {kernel}x{kernel}, expected 7x7 (ImageNet) or 3x3 (CIFAR)."),
        };
        int[] depths = Depths(shapes);
        bool isBottleneck = shapes.ContainsKey("layer1.0.conv3.weight");
        string last = isBottleneck ? "conv3" : "conv2";
        int expansion = isBottleneck ? Bottleneck.Expansion : 1;
        int[] widths = [.. depths.Select((_, stage) => checked((int)(Convolution(shapes, $"layer{stage + 1}.0.{last}.weight")[0] / expansion)))];
        var specification = new ResNetSpecification
        {
            Block = isBottleneck ? ResNetBlock.Bottleneck : ResNetBlock.Basic,
            Depths = depths,
            Widths = widths,
            Stem = stem,
            Shortcut = Shortcut(shapes, depths, widths, isBottleneck),
        };
        if (isBottleneck)
        {
            var (groups, widthPerGroup) = Groups(shapes, widths[0]);
            specification = specification with { Groups = groups, WidthPerGroup = widthPerGroup };
        }

        try
        {
            specification.Validate();
            return specification;
        }
        catch (ArgumentException exception)
        {
            throw new InvalidDataException($"the names and shapes describe no network that can be built: {exception.Message}", exception);
        }
    }

    private static int[] Depths(Dictionary<string, IReadOnlyList<long>> shapes)
    {
        List<int> depths = [];
        for (int stage = 1; shapes.ContainsKey($"layer{stage}.0.conv1.weight"); stage++)
        {
            int depth = 1;
            while (depth < MaximumBlocks && shapes.ContainsKey($"layer{stage}.{depth}.conv1.weight"))
            {
                depth++;
            }

            depths.Add(depth);
        }

        return depths.Count > 0 ? [.. depths] : throw Missing("layer1.0.conv1.weight", shapes);
    }

    private static ResNetShortcut Shortcut(Dictionary<string, IReadOnlyList<long>> shapes, int[] depths, int[] widths, bool isBottleneck)
    {
        bool changesShape = depths.Length > 1 || isBottleneck;
        bool hasProjections = shapes.Keys.Any(name => name.Contains(".downsample.", StringComparison.Ordinal));
        bool neverNarrows = widths.Zip(widths.Skip(1)).All(pair => pair.Second >= pair.First);
        return changesShape && !hasProjections && neverNarrows ? ResNetShortcut.ZeroPad : ResNetShortcut.Projection;
    }

    /// <summary>The inverse of <see cref="Bottleneck.InnerWidth"/>, which rounds down.</summary>
    private static (int Groups, int WidthPerGroup) Groups(Dictionary<string, IReadOnlyList<long>> shapes, int width)
    {
        IReadOnlyList<long> shape = Convolution(shapes, "layer1.0.conv2.weight");
        long groups = Math.Max(shape[0] / Math.Max(shape[1], 1), 1);
        long groupWidth = shape[0] / groups;
        return (checked((int)groups), checked((int)(((groupWidth * 64) + width - 1) / Math.Max(width, 1))));
    }

    private static IReadOnlyList<long> Convolution(Dictionary<string, IReadOnlyList<long>> shapes, string name)
        => !shapes.TryGetValue(name, out IReadOnlyList<long>? shape) ? throw Missing(name, shapes)
            : shape.Count == 4 ? shape
            : throw new InvalidDataException($"'{name}' has the shape [{string.Join(", ", shape)}], expected the four dimensions of a convolution.");

    private static InvalidDataException Missing(string name, Dictionary<string, IReadOnlyList<long>> shapes)
    {
        const int shown = 10;
        string names = shapes.Count == 0 ? "no entries" : $"{shapes.Count} entries, of which the first are {string.Join(", ", shapes.Keys.Take(shown).Select(key => $"'{key}'"))}";
        return new($"it holds no residual network with torchvision's names: '{name}' is missing. It has {names}.");
    }
}
