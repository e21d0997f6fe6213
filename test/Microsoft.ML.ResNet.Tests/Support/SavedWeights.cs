using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Reads the float32 tensors of a safetensors file.</summary>
internal static class SavedWeights
{
    /// <summary>The values by name.</summary>
    public static Dictionary<string, float[]> Read(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var (entries, _) = SafetensorsHeader.Read(stream);
        Dictionary<string, float[]> values = [];
        foreach (SafetensorsEntry entry in entries)
        {
            byte[] bytes = new byte[entry.ByteCount];
            stream.ReadExactly(bytes);
            if (entry.DType == "F32")
            {
                values.Add(entry.Name, MemoryMarshal.Cast<byte, float>(bytes).ToArray());
            }
        }

        return values;
    }

    /// <summary>The values of a model.</summary>
    public static Dictionary<string, float[]> Of(ResNetTransformer model)
    {
        using var folder = new TemporaryFolder();
        model.SaveWeights(folder.File("weights.safetensors"));
        return Read(folder.File("weights.safetensors"));
    }

    /// <summary>Fails unless two models have the same weights, bit for bit.</summary>
    public static void AssertEqual(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual)
    {
        CollectionAssert.AreEquivalent(expected.Keys, actual.Keys);
        foreach (var (name, values) in expected)
        {
            CollectionAssert.AreEqual(values, actual[name], name);
        }
    }
}
