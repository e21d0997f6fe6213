namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>A Python <c>dict</c> or <c>OrderedDict</c>: its items in the order in which they were set.</summary>
internal sealed class PickleDictionary
{
    // Most dictionaries of a hostile file are empty: they must cost little.
    private List<KeyValuePair<object?, object?>>? _items;

    public IReadOnlyList<KeyValuePair<object?, object?>> Items => _items ?? (IReadOnlyList<KeyValuePair<object?, object?>>)[];

    /// <summary>Whether a tensor is among the values that have a name. It is asked of one dictionary as often as others hold it.</summary>
    public bool HasTensors { get; private set; }

    public void Add(object? key, object? value)
    {
        (_items ??= []).Add(new(key, value));
        HasTensors |= key is string && value is PyTorchTensor;
    }

    /// <summary>The value under a name, the last one set, or null.</summary>
    public object? Find(string name) => _items?.LastOrDefault(item => item.Key is string key && key == name).Value;
}
