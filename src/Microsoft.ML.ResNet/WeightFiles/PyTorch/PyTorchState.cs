namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>Finds a network's state in what a checkpoint holds.</summary>
internal static class PyTorchState
{
    /// <summary>Where training scripts keep the weights, the likeliest name first.</summary>
    private static readonly string[] Names = ["state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params", "model_ema", "state_dict_ema"];

    private const string FirstConvolution = "conv1.weight";
    private const int MaximumNesting = 4;

    /// <summary>The named tensors of the root, or of the dictionary that it keeps them in. Other tensors, such as an accuracy, may lie beside that dictionary.</summary>
    /// <exception cref="InvalidDataException">There are none, or several candidates, or two entries of one name.</exception>
    public static IReadOnlyList<(string Name, PyTorchTensor Tensor)> Find(object? root)
    {
        PickleDictionary dictionary = root as PickleDictionary
            ?? throw new InvalidDataException("the pickle holds no dictionary of weights. Save the state: torch.save(model.state_dict(), path).");
        List<PickleDictionary> candidates = [];
        Collect(dictionary, depth: 0, candidates);

        // Without a network there is an error, which lists the tensors under a usual name rather than those beside it.
        PickleDictionary state = candidates.Find(HasNetwork) ?? candidates.Skip(1).FirstOrDefault(candidate => candidate.HasTensors) ?? dictionary;
        List<(string, PyTorchTensor)> entries = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (var (key, value) in state.Items)
        {
            if (key is string name && value is PyTorchTensor tensor)
            {
                entries.Add(names.Add(name) ? (name, tensor) : throw new InvalidDataException($"the state has two entries named '{name}'."));
            }
        }

        return entries.Count > 0 ? entries : throw NoWeights(state);
    }

    /// <summary>Adds the dictionary and those in it that may be the state, the likeliest first and each once: a hostile file's may hold themselves.</summary>
    private static void Collect(PickleDictionary dictionary, int depth, List<PickleDictionary> candidates)
    {
        if (depth > MaximumNesting || candidates.Contains(dictionary))
        {
            return;
        }

        candidates.Add(dictionary);
        PickleDictionary[] named = [.. Names.Select(dictionary.Find).OfType<PickleDictionary>()];
        foreach (PickleDictionary inner in named)
        {
            Collect(inner, depth + 1, candidates);
        }

        // Under an unusual name there must be no other to choose from.
        if (named.Length == 0 && dictionary.Items.Select(item => item.Value).OfType<PickleDictionary>().Distinct().Where(inner => inner.HasTensors).ToArray() is [var only])
        {
            Collect(only, depth + 1, candidates);
        }
    }

    /// <summary>Whether the dictionary has a first convolution under torchvision's name, with or without a wrapper's name before it.</summary>
    private static bool HasNetwork(PickleDictionary dictionary)
        => dictionary.Items.Any(item => item is { Key: string name, Value: PyTorchTensor } && (name == FirstConvolution || name.EndsWith($".{FirstConvolution}", StringComparison.Ordinal)));

    private static InvalidDataException NoWeights(PickleDictionary dictionary)
    {
        const int shown = 10;
        string keys = string.Join(", ", dictionary.Items.Select(item => item.Key).OfType<string>().Take(shown).Select(key => $"'{key}'"));
        return new($"the checkpoint has no tensors under its names ({(keys.Length > 0 ? keys : "none")}), nor under one of {string.Join(", ", Names.Select(name => $"'{name}'"))}.");
    }
}
