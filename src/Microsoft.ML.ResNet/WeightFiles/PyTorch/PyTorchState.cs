namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>Finds a network's state in what a checkpoint holds.</summary>
internal static class PyTorchState
{
    /// <summary>Where training scripts keep the weights, the likeliest name first.</summary>
    private static readonly string[] Names = ["state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params", "model_ema", "state_dict_ema"];

    private const int MaximumNesting = 4;

    /// <summary>The named tensors of the root, or of the dictionary that it keeps them in.</summary>
    /// <exception cref="InvalidDataException">There are none, or several candidates, or two entries of one name.</exception>
    public static IReadOnlyList<(string Name, PyTorchTensor Tensor)> Find(object? root)
    {
        PickleDictionary dictionary = root as PickleDictionary
            ?? throw new InvalidDataException("the pickle holds no dictionary of weights. Save the state: torch.save(model.state_dict(), path).");
        for (int depth = 0; depth < MaximumNesting && !HasTensors(dictionary); depth++)
        {
            dictionary = Inner(dictionary);
        }

        List<(string, PyTorchTensor)> entries = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (var (key, value) in dictionary.Items)
        {
            if (key is string name && value is PyTorchTensor tensor)
            {
                entries.Add(names.Add(name) ? (name, tensor) : throw new InvalidDataException($"the state has two entries named '{name}'."));
            }
        }

        return entries.Count > 0 ? entries : throw NoWeights(dictionary);
    }

    private static PickleDictionary Inner(PickleDictionary dictionary)
    {
        foreach (string name in Names)
        {
            if (dictionary.Find(name) is PickleDictionary named)
            {
                return named;
            }
        }

        PickleDictionary[] candidates = [.. dictionary.Items.Select(item => item.Value).OfType<PickleDictionary>().Distinct().Where(HasTensors)];
        return candidates is [var only] ? only : throw NoWeights(dictionary);
    }

    private static bool HasTensors(PickleDictionary dictionary) => dictionary.Items.Any(item => item.Key is string && item.Value is PyTorchTensor);

    private static InvalidDataException NoWeights(PickleDictionary dictionary)
    {
        const int shown = 10;
        string keys = string.Join(", ", dictionary.Items.Select(item => item.Key).OfType<string>().Take(shown).Select(key => $"'{key}'"));
        return new($"the checkpoint has no tensors under its names ({(keys.Length > 0 ? keys : "none")}), nor under one of {string.Join(", ", Names.Select(name => $"'{name}'"))}.");
    }
}
