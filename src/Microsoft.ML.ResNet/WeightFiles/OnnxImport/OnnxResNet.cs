using Microsoft.ML.ResNet.Network;

namespace Microsoft.ML.ResNet.WeightFiles.OnnxImport;

/// <summary>
/// Recognises a residual network in an ONNX graph by walking it from the images to the head, and gives its constants torchvision's
/// names. Whatever the network of this library doesn't compute, such as another padding or order of operations, is refused.
/// </summary>
internal sealed class OnnxResNet
{
    // Batch normalisation of this library and of PyTorch.
    private const float Epsilon = 1e-5f;
    private const int LongestBranch = 3, LongestPreparation = 6;
    private const string OwnProducer = "Microsoft.ML.ResNet";

    private readonly OnnxGraph _graph;
    private readonly List<WeightTensor> _tensors = [];
    private readonly HashSet<byte[]> _filters = new(ReferenceEqualityComparer.Instance);

    private OnnxResNet(OnnxGraph graph) => _graph = graph;

    /// <exception cref="InvalidDataException">It is damaged, or holds another network.</exception>
    public static IReadOnlyList<WeightTensor> Read(ReadOnlyMemory<byte> model) => ReadWithMetadata(model).Tensors;

    /// <summary>The weights, and what a file that <c>ExportOnnx</c> wrote says about itself; of other files nothing.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or holds another network.</exception>
    public static (IReadOnlyList<WeightTensor> Tensors, IReadOnlyDictionary<string, string> Metadata) ReadWithMetadata(ReadOnlyMemory<byte> model)
    {
        OnnxGraph graph = OnnxGraph.Parse(model);
        bool isOwn = graph.Producer == OwnProducer;
        var network = new OnnxResNet(graph);
        network.Walk(isOwn ? network.Prepared() : graph.Input);
        return (network._tensors, isOwn ? graph.Metadata : new Dictionary<string, string>());
    }

    /// <summary>The images behind the conversion and normalisation that <c>ExportOnnx</c> puts before the network, which the metadata say too.</summary>
    private string Prepared()
    {
        string value = _graph.Input;
        for (int i = 0; i < LongestPreparation && _graph.Consumers(value) is [{ Operator: "Slice" or "Cast" or "Transpose" or "Mul" or "Add" } next]; i++)
        {
            value = next.Output;
        }

        return value;
    }

    private void Walk(string images)
    {
        OnnxNode convolution = _graph.Consumers(images) is [{ Operator: "Conv" } first]
            ? first
            : throw Unexpected(images, "the first convolution");
        string value = Next(ConvolutionNorm(convolution, "conv1", "bn1"), "Relu", "the stem's ReLU").Output;
        bool isImageNet = KernelOf(convolution) == 7;
        CheckStride(convolution, isImageNet ? 2 : 1, "conv1");
        if (isImageNet)
        {
            OnnxNode pool = Next(value, "MaxPool", "the stem's max-pool");
            CheckPadding(pool, 3, 2, "the stem's max-pool");
            CheckStride(pool, 2, "the stem's max-pool");
            value = pool.Output;
        }

        int stage = 1, block = 0;
        for (int i = 0; i < _graph.NodeCount && _graph.Consumers(value).Any(node => node.Operator is "Conv" or "Add"); i++)
        {
            value = Block(value, ref stage, ref block);
        }

        ReadHead(value);
    }

    /// <summary>Takes the block that begins at a value, and gives the value where it ends.</summary>
    private string Block(string input, ref int stage, ref int block)
    {
        Branch[] branches = [.. _graph.Consumers(input).Where(node => node.Operator == "Conv").Select(Follow).OrderByDescending(branch => branch.Convolutions.Count)];
        if (branches is not ([_] or [_, { Convolutions: [_] }]) || branches.Any(branch => branch.Sum != branches[0].Sum))
        {
            throw new InvalidDataException($"a block of the graph has {branches.Length} branches, expected the residual branch and at most one projection, which are added.");
        }

        Branch residual = branches[0];
        Branch? projection = branches.Length == 2 ? branches[1] : null;
        string shortcut = projection?.Output ?? input;
        if (!residual.Sum.Inputs.Order(StringComparer.Ordinal).SequenceEqual(new[] { residual.Output, shortcut }.Order(StringComparer.Ordinal), StringComparer.Ordinal)
            || _graph.Consumers(input).Count != (projection is null ? branches.Length + 1 : branches.Length))
        {
            throw new InvalidDataException("the shortcut of a block of the graph is neither the identity nor a projection.");
        }

        if (projection is not null && _tensors.Exists(tensor => tensor.Name.StartsWith("layer1.", StringComparison.Ordinal)))
        {
            (stage, block) = (stage + 1, 0);
        }

        string name = $"layer{stage}.{block++}";
        int stride = stage > 1 && block == 1 ? 2 : 1;
        int strided = residual.Convolutions.Count == LongestBranch ? 1 : 0;
        for (int i = 0; i < residual.Convolutions.Count; i++)
        {
            ConvolutionNorm(residual.Convolutions[i], $"{name}.conv{i + 1}", $"{name}.bn{i + 1}");
            CheckStride(residual.Convolutions[i], i == strided ? stride : 1, $"{name}.conv{i + 1}");
        }

        if (projection is not null)
        {
            ConvolutionNorm(projection.Convolutions[0], $"{name}.downsample.0", $"{name}.downsample.1");
            CheckStride(projection.Convolutions[0], stride, $"{name}.downsample.0");
        }

        return Next(residual.Sum.Output, "Relu", $"the ReLU after {name}").Output;
    }

    /// <summary>Follows a branch from its first convolution to the sum.</summary>
    private Branch Follow(OnnxNode convolution)
    {
        List<OnnxNode> convolutions = [convolution];
        while (true)
        {
            string value = Normalization(convolutions[^1])?.Output ?? convolutions[^1].Output;
            OnnxNode next = Single(value, "the end of a block");
            if (next.Operator == "Add")
            {
                return new Branch(convolutions, value, next);
            }

            if (next.Operator != "Relu" || convolutions.Count == LongestBranch)
            {
                throw Unexpected(value, "a ReLU or the block's sum");
            }

            convolutions.Add(Next(next.Output, "Conv", "the block's next convolution"));
        }
    }

    /// <summary>Takes a convolution with its normalisation, and gives the value behind both.</summary>
    private string ConvolutionNorm(OnnxNode convolution, string name, string normName)
    {
        WeightTensor weight = Constant(convolution, 1, name, 4);
        if (!_filters.Add(weight.Data))
        {
            // A graph that runs in a circle, or one constant for thousands of blocks, would take memory without end.
            throw new InvalidDataException($"the convolution '{name}' has the filters of another one, expected its own.");
        }

        int channels = (int)weight.Shape[0];
        CheckPadding(convolution, KernelOf(convolution), convolution.IsAll("strides", 2, 1) ? 2 : 1, name);
        if (!convolution.IsAll("dilations", 1, 1) || weight.Shape[2] != weight.Shape[3])
        {
            throw new InvalidDataException($"the convolution '{name}' is dilated or not square.");
        }

        float[] bias = convolution.Inputs.Count > 2 ? Constant(convolution, 2, name, 1).ToSingle() : new float[channels];
        OnnxNode? norm = Normalization(convolution);
        if (norm is null && convolution.Inputs.Count < 3)
        {
            throw new InvalidDataException($"the convolution '{name}' has neither a batch normalisation nor a bias.");
        }

        float[] Parameter(int input, float otherwise)
            => norm is null ? [.. Enumerable.Repeat(otherwise, channels)] : Constant(norm, input, normName, 1).ToSingle();
        float[] scale = Parameter(1, 1), shift = Parameter(2, 0), mean = Parameter(3, 0), variance = Parameter(4, 1 - Epsilon);
        if (new[] { bias, scale, shift, mean, variance }.Any(values => values.Length != channels))
        {
            throw new InvalidDataException($"the batch normalisation '{normName}' has another number of channels than its convolution, {channels}.");
        }

        // A bias moves the mean, and another epsilon the variance: the results are the same.
        float epsilon = norm?.Singles.GetValueOrDefault("epsilon", Epsilon) ?? Epsilon;
        for (int i = 0; i < channels; i++)
        {
            mean[i] -= bias[i];
            variance[i] = (float)(variance[i] + ((double)epsilon - Epsilon));
        }

        _tensors.Add(weight with { Name = $"{name}.weight" });
        _tensors.Add(WeightTensor.OfSingles($"{normName}.weight", [channels], scale));
        _tensors.Add(WeightTensor.OfSingles($"{normName}.bias", [channels], shift));
        _tensors.Add(WeightTensor.OfSingles($"{normName}.running_mean", [channels], mean));
        _tensors.Add(WeightTensor.OfSingles($"{normName}.running_var", [channels], variance));
        return norm?.Output ?? convolution.Output;
    }

    private void ReadHead(string value)
    {
        string pooled = _graph.Consumers(value) is [{ Operator: "GlobalAveragePool" or "AveragePool" or "ReduceMean" } pool]
            ? pool.Output
            : throw Unexpected(value, "a block or the average pool");
        while (_graph.Consumers(pooled) is [{ Operator: "Flatten" or "Reshape" or "Squeeze" or "Identity" or "Dropout" } next])
        {
            pooled = next.Output;
        }

        if (_graph.Consumers(pooled) is [{ Operator: "Gemm" } linear])
        {
            WeightTensor weight = Constant(linear, 1, "fc", 2);
            float[] bias = linear.Inputs.Count > 2 ? Constant(linear, 2, "fc", 1).ToSingle() : new float[OutputsOf(linear, weight)];
            AddHead(linear.Integer("transB", 0) == 1 ? weight : Transpose(weight), bias);
        }
        else if (_graph.Consumers(pooled) is [{ Operator: "MatMul" } product])
        {
            WeightTensor weight = Transpose(Constant(product, 1, "fc", 2));
            OnnxNode sum = Next(product.Output, "Add", "the head's bias");
            AddHead(weight, Constant(sum, sum.Inputs[0] == product.Output ? 1 : 0, "fc", 1).ToSingle());
        }
        else if (_graph.Consumers(pooled).Count > 0)
        {
            throw Unexpected(pooled, "the linear head or the end");
        }
    }

    private void AddHead(WeightTensor weight, float[] bias)
    {
        _tensors.Add(weight with { Name = Head.WeightName });
        _tensors.Add(WeightTensor.OfSingles(Head.BiasName, [bias.Length], bias));
    }

    private static long OutputsOf(OnnxNode linear, WeightTensor weight) => weight.Shape[linear.Integer("transB", 0) == 1 ? 0 : 1];

    private static WeightTensor Transpose(WeightTensor matrix)
    {
        int rows = (int)matrix.Shape[0], columns = (int)matrix.Shape[1];
        float[] source = matrix.ToSingle(), target = new float[source.Length];
        for (int i = 0; i < source.Length; i++)
        {
            target[((i % columns) * rows) + (i / columns)] = source[i];
        }

        return WeightTensor.OfSingles(matrix.Name, [columns, rows], target);
    }

    private OnnxNode? Normalization(OnnxNode convolution)
        => _graph.Consumers(convolution.Output) is [{ Operator: "BatchNormalization" } norm] ? norm : null;

    private OnnxNode Next(string value, string operation, string what)
        => Single(value, what) is var node && node.Operator == operation ? node : throw Unexpected(value, what);

    private OnnxNode Single(string value, string what) => _graph.Consumers(value) is [var only] ? only : throw Unexpected(value, what);

    private WeightTensor Constant(OnnxNode node, int input, string name, int rank)
    {
        WeightTensor? constant = node.Inputs.Count > input ? _graph.Find(node.Inputs[input]) : null;
        return constant is not null && constant.Shape.Count == rank && constant.ElementCount > 0 && constant.Type.IsFloatingPoint()
            ? constant
            : throw new InvalidDataException($"input {input} of the operation {node.Operator} ('{name}') is no constant of {rank} dimensions with floating-point values.");
    }

    private long KernelOf(OnnxNode convolution) => Constant(convolution, 1, convolution.Output, 4).Shape[2];

    private static void CheckStride(OnnxNode node, long stride, string name)
    {
        if (!node.IsAll("strides", stride, 1))
        {
            throw new InvalidDataException($"'{name}' has the strides {string.Join(" x ", node.Integers.GetValueOrDefault("strides", []))}, expected {stride}. This library's network has its strides where torchvision's has them.");
        }
    }

    /// <summary>
    /// The padding before an image must be half the kernel. Behind it a stride of 2 lets some exporters pad less: no window of an image
    /// with even sides begins there.
    /// </summary>
    private static void CheckPadding(OnnxNode node, long kernel, long stride, string name)
    {
        long half = kernel / 2;
        List<long> pads = node.Integers.GetValueOrDefault("pads", [0, 0, 0, 0]);
        if (pads is not [var top, var left, var bottom, var right] || top != half || left != half
            || bottom != right || !(bottom == half || (stride == 2 && bottom == Math.Max(half - 1, 0))))
        {
            throw new InvalidDataException($"'{name}' has the padding {string.Join(", ", pads)}, expected {half} on each side.");
        }
    }

    private InvalidDataException Unexpected(string value, string expected)
    {
        string found = string.Join(", ", _graph.Consumers(value).Select(node => node.Operator).Take(5));
        return new($"the graph is no residual network of this library's kind: after '{value}' comes {(found.Length > 0 ? found : "nothing")}, expected {expected}.");
    }

    private sealed record Branch(List<OnnxNode> Convolutions, string Output, OnnxNode Sum);
}
