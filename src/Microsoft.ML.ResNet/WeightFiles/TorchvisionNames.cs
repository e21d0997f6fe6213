using Microsoft.ML.ResNet.Network;
namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Gives the entries of a weights file torchvision's names where other code wrote it.</summary>
internal static class TorchvisionNames
{
    // DataParallel, torch.compile, and modules that hold the network under a name.
    private static readonly string[] Wrappers = ["module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "resnet.", "encoder."];

    // He's CIFAR networks (akamaster/pytorch_resnet_cifar10, kuangliu/pytorch-cifar), timm, pretrainedmodels.
    private static readonly string[] Heads = ["linear", "classifier", "head", "head.fc", "last_linear", "logits"];

    private const string ForeignShortcut = ".shortcut.";

    /// <summary>A name of a hostile file may be nothing but wrappers, a million of them.</summary>
    private const int MaximumWrappers = 8;

    /// <exception cref="InvalidDataException">Two entries get the same name.</exception>
    public static IReadOnlyList<WeightTensor> Apply(IReadOnlyList<WeightTensor> tensors)
    {
        string[] names = [.. tensors.Select(tensor => tensor.Name)];
        for (int depth = 0; depth < MaximumWrappers && names.Length > 0 && Array.Find(Wrappers, prefix => names.All(name => name.StartsWith(prefix, StringComparison.Ordinal))) is { } wrapper; depth++)
        {
            names = [.. names.Select(name => name[wrapper.Length..])];
        }

        string? head = names.Contains(Head.WeightName, StringComparer.Ordinal) ? null : Array.Find(Heads, name => IsLinear(name, names, tensors));
        HashSet<string> seen = new(StringComparer.Ordinal);
        List<WeightTensor> renamed = [];
        for (int i = 0; i < names.Length; i++)
        {
            string name = names[i];
            if (head is not null && (name == $"{head}.weight" || name == $"{head}.bias"))
            {
                name = $"fc{name[head.Length..]}";
            }
            else if (name.StartsWith("layer", StringComparison.Ordinal))
            {
                name = name.Replace(ForeignShortcut, ".downsample.", StringComparison.Ordinal);
            }

            renamed.Add(seen.Add(name) ? tensors[i] with { Name = name } : throw new InvalidDataException($"it has two entries for '{name}'."));
        }

        return renamed;
    }

    private static bool IsLinear(string name, string[] names, IReadOnlyList<WeightTensor> tensors)
        => Array.IndexOf(names, $"{name}.weight") is >= 0 and var index && tensors[index].Shape.Count == 2;
}
