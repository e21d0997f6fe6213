using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>An ONNX file in ONNX Runtime.</summary>
internal sealed class OnnxSession(string path) : IDisposable
{
    private readonly InferenceSession _session = new(path);

    public ModelMetadata Metadata => _session.ModelMetadata;

    public IReadOnlyDictionary<string, NodeMetadata> Inputs => _session.InputMetadata;

    public IReadOnlyDictionary<string, NodeMetadata> Outputs => _session.OutputMetadata;

    /// <summary>Runs a batch of images, whose values become the type and shape that the file's only input has.</summary>
    /// <returns>One row an image.</returns>
    public T[][] Run<T>(float[][] images, string output)
    {
        var (name, input) = _session.InputMetadata.Single();
        int[] shape = [images.Length, .. input.Dimensions.Skip(1)];
        NamedOnnxValue value = input.ElementType == typeof(byte)
            ? NamedOnnxValue.CreateFromTensor(name, new DenseTensor<byte>(images.SelectMany(image => image).Select(pixel => (byte)pixel).ToArray(), shape))
            : NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(images.SelectMany(image => image).ToArray(), shape));
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results = _session.Run([value], [output]);
        T[] values = [.. results.Single().AsTensor<T>()];
        return [.. values.Chunk(values.Length / images.Length)];
    }

    public void Dispose() => _session.Dispose();
}
