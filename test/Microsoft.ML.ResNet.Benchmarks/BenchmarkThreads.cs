using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.Transforms.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Benchmarks;

/// <summary>The threads of an operator, for this library and its peers alike.</summary>
internal static class BenchmarkThreads
{
    public static int Count = Environment.ProcessorCount;

    /// <summary>Tells libtorch, whose number this library's kernels take.</summary>
    public static void Apply()
    {
        NativeTorch.EnsureLoaded();
        set_num_threads(Count);
    }

    public static OnnxTransformer Transformer(MLContext context, string path, string input, IDataView data)
        => context.Transforms.ApplyOnnxModel(Options(path, input)).Fit(data);

    public static OnnxOptions Options(string path, string input)
        => new() { ModelFile = path, InputColumns = [input], OutputColumns = ["scores"], IntraOpNumThreads = Count };

    public static InferenceSession Session(string path)
    {
        using var options = new SessionOptions { IntraOpNumThreads = Count };
        return new InferenceSession(path, options);
    }
}
