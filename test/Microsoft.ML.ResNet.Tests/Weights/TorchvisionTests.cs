using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Microsoft.ML.ResNet.Tests.Weights;

/// <summary>Weights that SaveWeights wrote, in torchvision, by the own snippet of docs/onnx-and-pytorch.md. Skipped where Python has no torchvision.</summary>
[TestClass]
public sealed partial class TorchvisionTests
{
    private const int Size = 64;

    // Debian has no package of safetensors. Where it is missing, a reader by the format's description stands in for its load_file.
    private const string LoadFile =
        """
        import json, struct, sys, types
        import numpy, torch
        try:
            import safetensors.torch
        except ImportError:
            def load_file(path):
                content = open(path, 'rb').read()
                begin = 8 + struct.unpack('<Q', content[:8])[0]
                types_by_name = {'F32': numpy.float32, 'I64': numpy.int64}
                return {name: torch.from_numpy(numpy.frombuffer(content[begin + e['data_offsets'][0]:begin + e['data_offsets'][1]], types_by_name[e['dtype']]).reshape(e['shape']).copy())
                        for name, e in json.loads(content[8:begin]).items() if name != '__metadata__'}
            sys.modules['safetensors'] = types.ModuleType('safetensors')
            sys.modules['safetensors.torch'] = types.ModuleType('safetensors.torch')
            sys.modules['safetensors.torch'].load_file = load_file

        """;

    // Pixels of 0 to 255, normalised as the model's preprocessing says.
    private const string Score =
        """

        pixels = torch.from_numpy(numpy.fromfile('pixels.bin', numpy.float32).reshape(-1, 3, SIZE, SIZE))
        mean, deviation = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        with torch.no_grad():
            for row in model((pixels / 255 - mean) / deviation).softmax(1):
                print(*(f'{value:.9g}' for value in row.tolist()))
        """;

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow(ResNetArchitecture.ResNet18, ResNetStem.Cifar)]
    [DataRow(ResNetArchitecture.ResNeXt50_32x4d, ResNetStem.ImageNet)]
    public async Task SaveWeights_InTorchvision_ScoresTheSame(ResNetArchitecture architecture, ResNetStem stem)
    {
        string load = Snippet(0).Replace("resnet18", architecture.ToString().ToLowerInvariant(), StringComparison.Ordinal);
        string change = stem == ResNetStem.Cifar ? Snippet(2) : "";

        // The stem's layers are replaced before the weights are loaded.
        await AssertScoresTheSameAsync(
            ResNetSpecification.FromArchitecture(architecture) with { Stem = stem }, load.Replace("model.load_state_dict", change + "model.load_state_dict", StringComparison.Ordinal));
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task SaveWeights_OfImageNetsNetworkInTorchvision_ScoresTheSame()
    {
        string load = Snippet(0).Replace("model = torchvision.models.resnet18(num_classes=5)\n", Snippet(1), StringComparison.Ordinal);
        StringAssert.Contains(load, "BasicBlock");

        await AssertScoresTheSameAsync(ResNetWeights.ImageNet().Specification, load);
    }

    private static async Task AssertScoresTheSameAsync(ResNetSpecification specification, string load)
    {
        using var folder = new TemporaryFolder();
        using ResNetTransformer model = OnnxModels.Create(specification, Size);
        float[][] pixels = OnnxModels.Pixels(2, Size);
        model.SaveWeights(folder.File("weights.safetensors"));
        File.WriteAllBytes(folder.File("pixels.bin"), MemoryMarshal.AsBytes(pixels.SelectMany(image => image).ToArray().AsSpan()).ToArray());
        string script = LoadFile + load + Score.Replace("SIZE", $"{Size}", StringComparison.Ordinal);
        string output = await Python.RunAsync($"import os\nos.chdir({Quoted(folder.Path)})\n{script}", ["torchvision"]);

        float[][] expected = OnnxModels.Score(model, pixels, [3, Size, Size]).Scores;
        float[][] actual = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ').Select(value => float.Parse(value, CultureInfo.InvariantCulture)).ToArray())];
        Assert.HasCount(expected.Length, actual);
        double difference = expected.Zip(actual).Max(rows => rows.First.Zip(rows.Second).Max(pair => Math.Abs(pair.First - pair.Second)));
        Console.WriteLine($"Largest difference of a probability: {difference:G3}; probabilities {string.Join(' ', expected[0])}");

        // Two versions of libtorch add in different orders.
        Assert.IsLessThan(1e-4, difference);
    }

    private static string Snippet(int index)
        => PythonBlock().Matches(File.ReadAllText(Path.Combine(RepositoryPaths.Root, "docs", "onnx-and-pytorch.md")))[index].Groups[1].Value.ReplaceLineEndings("\n");

    private static string Quoted(string path) => $"'{path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    [GeneratedRegex("```python\\r?\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex PythonBlock();
}
