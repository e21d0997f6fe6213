using System.Globalization;
using Microsoft.ML.ResNet.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Network;

/// <summary>
/// A residual network: <c>[N,C,H,W] float32</c> images, normalised, to <c>[N,K] float32</c> logits. Names and order of its state are
/// torchvision's; convolution weights are stored channels-last, which changes no shape.
/// </summary>
/// <remarks>
/// Its tensors belong to no dispose scope and live until <c>Dispose</c>. In evaluation mode, under <c>inference_mode</c> or
/// <c>no_grad</c>, any number of threads may call it at once.
/// </remarks>
internal sealed class ResidualNetwork : nn.Module<Tensor, Tensor>
{
    private static readonly long[] Spatial = [2, 3];

    private readonly NetworkPlan _plan;
    private readonly List<ConvolutionNorm> _convolutions = [];
    private readonly Stem _stem;
    private readonly List<ResidualBlock> _blocks = [];
    private readonly Head _head;
    private bool _isDisposed;

    /// <summary>Builds the network on the CPU with first weights by He's rule, drawn from a generator of its own.</summary>
    /// <param name="specification">The network; its stem is settled (<see cref="ResNetSpecification.ResolveStem"/>).</param>
    /// <param name="inputChannels">Channels of the images.</param>
    /// <param name="classCount">The number of classes.</param>
    /// <param name="seed">Decides the first weights: the same seed gives the same bits. Null: they are zero, for a network whose weights are copied or read next, which takes half the time.</param>
    /// <param name="zeroInitResidual">
    /// Whether the last normalisation of every branch begins with weight 0, so that every block begins as its shortcut (Goyal et al. 2017).
    /// </param>
    /// <exception cref="ArgumentException">The specification is faulty, or its stem is not settled.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A count is below 1.</exception>
    public ResidualNetwork(
        ResNetSpecification specification, int inputChannels, int classCount, long? seed, bool zeroInitResidual = false)
        : base(nameof(ResidualNetwork))
    {
        try
        {
            Specification = specification;
            InputChannels = inputChannels;
            _plan = NetworkPlan.Of(specification, inputChannels, classCount);

            // Tensors made in inference mode could never be trained.
            using IDisposable normalMode = inference_mode(false);
            using DisposeScope scope = NewDisposeScope();
            using var initialization = new HeInitialization(seed);
            _stem = new Stem(Convolution(_plan.Stem, initialization, scale: 1), _plan.HasMaxPool);
            _blocks.AddRange(_plan.Blocks.Select(block => Block(block, initialization, zeroInitResidual)));
            _head = new Head(_plan.FeatureCount, classCount, initialization);
            Register();
            scope.Detach(StateEntries.Select(entry => entry.Tensor));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ResNetSpecification Specification { get; }

    public int InputChannels { get; }

    public int ClassCount => _plan.ClassCount;

    /// <summary>The number of pooled features that the head reads.</summary>
    public int FeatureCount => _plan.FeatureCount;

    /// <inheritdoc cref="NetworkPlan.MultiplyAdds"/>
    public long MultiplyAdds(long height, long width) => _plan.MultiplyAdds(height, width);

    /// <summary>Whether normalisations use their running statistics in training mode too, and leave them as they are.</summary>
    public bool FreezesStatistics { get; set; }

    /// <summary>
    /// The stages, from the first on, that training leaves as they are, and the stem with them: their parameters, and their running statistics, which normalise there in training mode too. 0: all are trained.
    /// </summary>
    public int FrozenStages { get; set; }

    /// <summary>
    /// The type of convolutions and activations: Float32, which leaves them as the parameters are, or BFloat16. Parameters, normalisations and
    /// everything from the pooling on keep the type of the parameters, and backward takes the gradients there.
    /// </summary>
    public ScalarType ActivationType { get; set; } = ScalarType.Float32;

    /// <summary>All trainable tensors in the order of torchvision's <c>named_parameters</c>.</summary>
    public IReadOnlyList<NetworkParameter> ParameterEntries
        => [.. _convolutions.SelectMany(convolution => convolution.Parameters), .. _head.Parameters];

    /// <summary>Those of <see cref="ParameterEntries"/> that training changes.</summary>
    public IReadOnlyList<NetworkParameter> TrainedParameters => [.. ParameterEntries.Where(entry => !IsFrozen(entry.Name))];

    /// <summary>All parameters and buffers, with the names and in the order of torchvision's <c>state_dict</c>. The tensors are the network's own.</summary>
    public IReadOnlyList<(string Name, Tensor Tensor)> StateEntries =>
    [
        .. _convolutions.SelectMany(convolution => Named(convolution.Parameters).Concat(convolution.Buffers)),
        .. Named(_head.Parameters),
    ];

    /// <summary><see cref="StateEntries"/> by their names.</summary>
    public Dictionary<string, Tensor> StateByName() => StateEntries.ToDictionary(entry => entry.Name, entry => entry.Tensor, StringComparer.Ordinal);

    /// <summary>The number of the stage that an entry of the state such as <c>layer12.0.conv1.weight</c> belongs to; the stem counts as the first, and the head as none.</summary>
    public static int? StageOf(string name)
        => Head.Owns(name) ? null : name.StartsWith("layer", StringComparison.Ordinal) ? int.Parse(name.AsSpan("layer".Length, name.IndexOf('.') - "layer".Length), CultureInfo.InvariantCulture) : 1;

    /// <summary>Whether training leaves an entry of the state as it is.</summary>
    public bool IsFrozen(string name) => StageOf(name) <= FrozenStages;

    /// <summary>Computes the logits.</summary>
    /// <param name="images"><c>[N,C,H,W] float32</c>, normalised; channels-last is fastest.</param>
    /// <returns><c>[N,K] float32</c>, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The images have the wrong shape.</exception>
    /// <exception cref="InvalidOperationException">In training mode the batch is too small to have a variance.</exception>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public override Tensor forward(Tensor images)
    {
        using DisposeScope scope = NewDisposeScope();
        return _head.Forward(Features(images)).MoveToOuterDisposeScope();
    }

    /// <summary>Computes what the head reads: the last stage's activations, averaged over the image.</summary>
    /// <param name="images"><c>[N,C,H,W] float32</c>, normalised; channels-last is fastest.</param>
    /// <returns><c>[N,FeatureCount] float32</c>, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The images have the wrong shape.</exception>
    /// <exception cref="InvalidOperationException">In training mode the batch is too small to have a variance.</exception>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public Tensor Features(Tensor images)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        bool isTraining = training && !FreezesStatistics;
        Check(images);

        using DisposeScope scope = NewDisposeScope();
        int frozen = training ? FrozenStages : 0;
        Tensor activations = frozen > 0 ? FrozenActivations(images) : _stem.Forward(OfActivationType(images), isTraining);
        foreach (ResidualBlock block in _blocks.Skip(BlocksUpTo(frozen)))
        {
            using Tensor input = activations;
            activations = block.Forward(input, isTraining);
        }

        return activations.mean(Spatial, type: ActivationType == ScalarType.BFloat16 ? ScalarType.Float32 : null).MoveToOuterDisposeScope();
    }

    /// <summary>Computes what a stage gives, with the running statistics and in the type of the parameters.</summary>
    /// <param name="images"><c>[N,C,H,W] float32</c>, normalised.</param>
    /// <param name="stage">1 for the first stage, up to the number of stages.</param>
    /// <returns><c>[N,Channels,H',W'] float32</c>, in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The images have the wrong shape.</exception>
    public Tensor StageActivations(Tensor images, int stage)
    {
        Check(images);
        using DisposeScope scope = NewDisposeScope();
        return Walk(_stem.Forward(images, training: false), 0, BlocksUpTo(stage)).MoveToOuterDisposeScope();
    }

    /// <summary>Computes the logits from what a stage gives; the other half of <see cref="StageActivations"/>, through which gradients flow.</summary>
    /// <param name="activations">What the stage gives. It is not changed.</param>
    /// <param name="stage">The stage.</param>
    /// <returns><c>[N,K] float32</c>, in the caller's dispose scope.</returns>
    public Tensor StageLogits(Tensor activations, int stage)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor last = Walk(activations, BlocksUpTo(stage), _blocks.Count);
        return _head.Forward(last.mean(Spatial)).MoveToOuterDisposeScope();
    }

    /// <summary>The first part of <see cref="forward"/>, which <see cref="ForwardStage"/> and <see cref="ForwardHead"/> go on with: what the stem gives.</summary>
    /// <param name="images"><c>[N,C,H,W] float32</c>, normalised.</param>
    /// <returns>In the caller's dispose scope.</returns>
    public Tensor ForwardStem(Tensor images)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Check(images);
        using DisposeScope scope = NewDisposeScope();
        return _stem.Forward(OfActivationType(images), training && !FreezesStatistics).MoveToOuterDisposeScope();
    }

    /// <summary>The same where stages are frozen: what the last of them gives, through which no gradients flow.</summary>
    /// <param name="images"><c>[N,C,H,W] float32</c>, normalised.</param>
    /// <returns>In the caller's dispose scope.</returns>
    public Tensor FrozenActivations(Tensor images)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Check(images);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        Tensor activations = _stem.Forward(OfActivationType(images), training: false);
        foreach (ResidualBlock block in _blocks.Take(BlocksUpTo(FrozenStages)))
        {
            using Tensor input = activations;
            activations = block.Forward(input, training: false);
        }

        return activations.MoveToOuterDisposeScope();
    }

    /// <summary>What a stage makes of what the one before it gives.</summary>
    /// <param name="activations">It is not changed.</param>
    /// <param name="stage">The stage, 1 for the first.</param>
    /// <returns>In the caller's dispose scope.</returns>
    public Tensor ForwardStage(Tensor activations, int stage)
    {
        using DisposeScope scope = NewDisposeScope();
        return Walk(activations, BlocksUpTo(stage - 1), BlocksUpTo(stage), training && !FreezesStatistics).MoveToOuterDisposeScope();
    }

    /// <summary>The logits of what the last stage gives.</summary>
    /// <returns><c>[N,K] float32</c>, in the caller's dispose scope.</returns>
    public Tensor ForwardHead(Tensor activations)
    {
        using DisposeScope scope = NewDisposeScope();
        return _head.Forward(activations.mean(Spatial, type: ActivationType == ScalarType.BFloat16 ? ScalarType.Float32 : null)).MoveToOuterDisposeScope();
    }

    /// <summary>Requires images that the network can take, in training a batch that has a variance.</summary>
    /// <exception cref="ArgumentException">The images have the wrong shape.</exception>
    /// <exception cref="InvalidOperationException">In training mode the batch is too small to have a variance.</exception>
    public void Check(Tensor images)
    {
        long[] shape = images.shape;
        if (shape.Length != 4 || shape[1] != InputChannels)
        {
            throw new ArgumentException(
                $"The images have shape [{string.Join(",", shape)}], expected [N,{InputChannels},H,W].", nameof(images));
        }

        // libtorch would set every running variance of the last stage to NaN: a single value has none.
        if (training && !FreezesStatistics && FrozenStages < Specification.Depths.Count && shape[0] * _plan.LastSide(shape[2]) * _plan.LastSide(shape[3]) < 2)
        {
            throw new InvalidOperationException(
                $"A training batch of shape [{string.Join(",", shape)}] leaves fewer than two values a channel in the last stage, too few for batch normalisation. Take at least two images a batch.");
        }
    }

    /// <summary>Sets every parameter and buffer, in place, to the given tensors' values.</summary>
    /// <param name="entries">One tensor for each entry of <see cref="StateEntries"/>, in any order, of the same shape and type.</param>
    /// <exception cref="ArgumentException">
    /// Entries are missing, unknown or repeated, or have another shape or type; the network is left as it was.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network has been disposed.</exception>
    public void CopyStateFrom(IEnumerable<(string Name, Tensor Tensor)> entries)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        IReadOnlyList<(Tensor Target, Tensor Source)> pairs = StateMatch.Pair(StateEntries, entries);
        using IDisposable withoutGradients = no_grad();
        foreach ((Tensor target, Tensor source) in pairs)
        {
            target.copy_(source);
        }
    }

    /// <summary>
    /// Moves or converts every tensor, for <c>to</c>. TorchSharp's own way knows tensors in fields of the module only, and miscounts
    /// parameters (<see cref="TorchParameter"/>).
    /// </summary>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        using IDisposable withoutGradients = no_grad();
        foreach ((string name, Tensor tensor) in StateEntries)
        {
            ScalarType type = dtype is { } wanted && tensor.is_floating_point() ? wanted : tensor.dtype;
            Tensor moved = tensor.to(type, device ?? tensor.device, copy: true, non_blocking: non_blocking).DetachFromDisposeScope();
            if (tensor is Parameter)
            {
                Parameter parameter = TorchParameter.Create(moved, tensor.requires_grad);
                parameter.DetachFromDisposeScope();
                ConditionallyRegisterParameter(name, parameter);
            }
            else
            {
                ConditionallyRegisterBuffer(name, moved);
            }

            tensor.Dispose();
        }

        foreach (ConvolutionNorm convolution in _convolutions)
        {
            convolution.Rebind(this);
        }

        _head.Rebind(this);
        _deviceType = device?.type ?? _deviceType;
        _deviceIndex = device?.index ?? _deviceIndex;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _isDisposed = true;
        base.Dispose(disposing);
    }

    /// <summary>The number of blocks of the first stages.</summary>
    public int BlocksUpTo(int stage) => Specification.Depths.Take(stage).Sum();

    private Tensor OfActivationType(Tensor images) => ActivationType == ScalarType.BFloat16 ? images.to(ScalarType.BFloat16) : images;

    private Tensor Walk(Tensor activations, int first, int end, bool isTraining = false)
    {
        for (int i = first; i < end; i++)
        {
            activations = _blocks[i].Forward(activations, isTraining);
        }

        return activations;
    }

    private ConvolutionNorm Convolution(ConvolutionPlan plan, HeInitialization initialization, float scale)
    {
        var convolution = new ConvolutionNorm(plan, initialization, scale);
        _convolutions.Add(convolution);
        return convolution;
    }

    private ResidualBlock Block(BlockPlan plan, HeInitialization initialization, bool zeroInitResidual)
    {
        ConvolutionNorm[] branch =
        [
            .. plan.Branch.Select((convolution, i) => Convolution(
                convolution, initialization, scale: zeroInitResidual && i == plan.Branch.Count - 1 ? 0 : 1)),
        ];
        IShortcut? shortcut = plan switch
        {
            { Projection: { } projection } => Convolution(projection, initialization, scale: 1),
            { KeepsShape: false } => new ZeroPadShortcut(plan),
            _ => null,
        };
        return new ResidualBlock(branch, shortcut);
    }

    private void Register()
    {
        foreach (NetworkParameter entry in ParameterEntries)
        {
            register_parameter(entry.Name, entry.Parameter);
        }

        foreach ((string name, Tensor tensor) in _convolutions.SelectMany(convolution => convolution.Buffers))
        {
            register_buffer(name, tensor);
        }
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Named(IEnumerable<NetworkParameter> parameters)
        => parameters.Select(parameter => (parameter.Name, (Tensor)parameter.Parameter));
}
