using System.Globalization;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;

namespace Microsoft.ML.ResNet;

/// <summary>
/// The weights of a residual network, read from a file or taken from a fitted model: to start a training from, or to compute image
/// features with. It is immutable, holds managed memory only, and may be used from many threads at once.
/// </summary>
public sealed class ResNetWeights
{
    private readonly IReadOnlyList<WeightTensor> _tensors;

    private ResNetWeights(string source, WeightFile file)
    {
        Source = source;
        _tensors = TorchvisionNames.Apply(file.Tensors);
        Specification = file.Specification ?? SpecificationInference.Infer(_tensors);
        WeightTensor? head = _tensors.FirstOrDefault(tensor => tensor.Name == Head.WeightName);
        ClassCount = head?.Shape is [> 0 and <= int.MaxValue, _] ? (int)head.Shape[0] : null;
        WeightTensor? first = _tensors.FirstOrDefault(tensor => tensor.Name == "conv1.weight");
        InputChannels = first?.Shape is [_, >= 1 and <= 65536, _, _]
            ? (int)first.Shape[1]
            : throw new InvalidDataException("the first convolution 'conv1.weight' is missing or has no input channels.");
        Preprocessing = file.Preprocessing;
        if (file.ClassNames is { } names && names.Count != ClassCount)
        {
            throw new InvalidDataException($"it names {names.Count} classes, but its classifier has {ClassCount?.ToString(CultureInfo.InvariantCulture) ?? "no"} outputs.");
        }

        if (Preprocessing is { } preprocessing && preprocessing.Channels != InputChannels)
        {
            throw new InvalidDataException($"its preprocessing is for images of {preprocessing.Channels} channels, but its first convolution takes {InputChannels}.");
        }

        ClassNames = file.ClassNames;
        ClassType = file.ClassType;
        Entries = Array.AsReadOnly(_tensors.Select(tensor => new ResNetWeightsEntry(tensor.Name, tensor.Shape, tensor.Type)).ToArray());
        NonFiniteCount = _tensors.Sum(tensor => (long)tensor.NonFiniteCount);
        if (WeightMatch.Faults(_tensors, Layout(Specification, InputChannels, ClassCount)) is { } faults)
        {
            throw new InvalidDataException($"its entries fit no residual network; the nearest is {Describe(Specification)}, with {faults}.");
        }
    }

    /// <summary>The network that the weights belong to, as their names and shapes tell it.</summary>
    /// <remarks>
    /// A 7x7 first convolution is taken for <see cref="ResNetStem.ImageNet"/> and a 3x3 one for <see cref="ResNetStem.Cifar"/>; shortcuts
    /// without weights where the shape changes for <see cref="ResNetShortcut.ZeroPad"/>.
    /// </remarks>
    public ResNetSpecification Specification { get; }

    /// <summary>The well-known name of the network, or null for any other.</summary>
    public ResNetArchitecture? Architecture => NamedArchitectures.Find(Specification);

    /// <summary>The channels of the images that the network takes: 3 (RGB) or 1 (grey).</summary>
    public int InputChannels { get; }

    /// <summary>The number of classes that the weights tell apart, or null where they have no classifier.</summary>
    public int? ClassCount { get; }

    /// <summary>The classes in the order of the scores, where the file names them: a model.zip and what <see cref="ResNetTransformer.SaveWeights"/> or <see cref="ResNetTransformer.ExportOnnx"/> wrote do. Otherwise null.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>How images are brought to what the weights were trained on, where that is known: of a model.zip, of what <see cref="ResNetTransformer.SaveWeights"/> or <see cref="ResNetTransformer.ExportOnnx"/> wrote, of a transformer, or of ImageNet. Otherwise null.</summary>
    public ImagePreprocessing? Preprocessing { get; }

    /// <summary>Name, shape and element type of every entry, in the order of the file, under torchvision's names.</summary>
    public IReadOnlyList<ResNetWeightsEntry> Entries { get; }

    /// <summary>The number of values that are NaN or infinite, or running variances below 0. Such weights give no sensible scores: a trainer warns of them, and <see cref="ToClassifier"/> refuses them.</summary>
    public long NonFiniteCount { get; }

    /// <summary>The type that the classes' names had as labels, as a model file names it; null where that isn't known.</summary>
    internal string? ClassType { get; }

    /// <summary>Where the weights came from: the path, or a description.</summary>
    internal string Source { get; }

    internal IReadOnlyList<WeightTensor> Tensors => _tensors;

    /// <summary>Reads weights from a file. The format is recognised by the content. No code in a file is executed.</summary>
    /// <remarks>
    /// Of an ONNX file only the network is read, not what a program does with the pixels before; one that <see cref="ResNetTransformer.ExportOnnx"/> wrote has classes and preprocessing in its
    /// metadata. The file of the featurizer package wants blue, green, red: <see cref="ImageNet"/> knows it.
    /// </remarks>
    /// <param name="path">
    /// safetensors; PyTorch's <c>.pth</c>, new or old, with a <c>state_dict</c> itself or under a usual name such as <c>state_dict</c> or
    /// <c>model</c>, with or without <c>module.</c> before the names; the ONNX file of a residual network; or a <c>model.zip</c> that
    /// <c>mlContext.Model.Save</c> wrote, with one network of this library in it.
    /// </param>
    /// <returns>The weights. They are in memory: the file may be removed.</returns>
    /// <exception cref="FileNotFoundException">The file doesn't exist, or is a folder.</exception>
    /// <exception cref="InvalidDataException">The file is damaged, is no residual network, or asks for code to be run; the message has its path and the part.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file can't be read.</exception>
    public static ResNetWeights FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        WeightFile file = WeightFileReader.Read(path);
        try
        {
            return new ResNetWeights(path, file);
        }
        catch (Exception exception) when (exception is InvalidDataException or OverflowException)
        {
            throw new InvalidDataException($"Weights file '{path}' can't be used: {WeightFileReader.Shorten(exception.Message)}", exception);
        }
    }

    /// <summary>Copies the weights of a fitted classifier.</summary>
    /// <param name="transformer">The classifier, which is not changed.</param>
    /// <returns>The weights, with the model's preprocessing and class names. They outlive the transformer.</returns>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public static ResNetWeights FromTransformer(ResNetTransformer transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        return new ResNetWeights("the transformer", transformer.CopyWeights());
    }

    /// <summary>
    /// Weights that were trained on ImageNet, from the package Microsoft.ML.DnnImageFeaturizer.ResNet18 (MIT), which the application
    /// references. Nothing is downloaded when the application runs.
    /// </summary>
    /// <returns>
    /// A network of basic blocks in depths 2, 2, 2, 3, without classifier, for RGB images, with its <see cref="Preprocessing"/>: 224 pixels, a
    /// mean by channel, no division. The package's own preprocessing (channels in the order blue, green, red; a mean image) lies in the
    /// first convolution and the mean.
    /// </returns>
    /// <exception cref="FileNotFoundException">The package's files are not in the application's folder; the message says which package to add.</exception>
    /// <exception cref="InvalidDataException">A file of the package is damaged.</exception>
    public static ResNetWeights ImageNet()
    {
        var (path, file) = ImageNetWeights.Read(AppContext.BaseDirectory);
        return new ResNetWeights(path, file);
    }

    /// <summary>
    /// The same weights, with the size of the images that they were trained on: for files that don't say it, such as PyTorch's. A training that starts with them then takes this size by default,
    /// and keeps the statistics of batch normalisation where its images are smaller (<see cref="ResNetTrainer.Options.FreezeBatchNorm"/>).
    /// </summary>
    /// <param name="imageSize">The width and height in pixels, 8 to 4,096: 224 for torchvision's ImageNet weights.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is out of its range.</exception>
    public ResNetWeights WithImageSize(int imageSize)
    {
        if (imageSize is < 8 or > 4096)
        {
            throw new ArgumentOutOfRangeException(nameof(imageSize), imageSize, "Expected 8 to 4096 pixels.");
        }

        var (mean, deviation) = NormalizationFor(InputChannels);
        var preprocessing = new ImagePreprocessing
        {
            Width = imageSize,
            Height = imageSize,
            Fit = Preprocessing?.Fit ?? ImageFit.ShortSideCrop,
            ShortSide = Preprocessing?.Fit is ImageFit.Stretch or ImageFit.Pad ? imageSize : ImagePreprocessing.DefaultShortSide(imageSize),
            Mean = Array.AsReadOnly(mean),
            StandardDeviation = Array.AsReadOnly(deviation),
        };
        return new ResNetWeights(Source, new WeightFile(_tensors) { Specification = Specification, Preprocessing = preprocessing, ClassNames = ClassNames, ClassType = ClassType });
    }

    /// <summary>
    /// The mean and the standard deviation of the pixels that the weights were trained on, scaled to 0 to 1, for images of 1 or 3
    /// channels; ImageNet's where the weights don't say. Those of another number of channels are averaged or repeated.
    /// </summary>
    internal (float[] Mean, float[] StandardDeviation) NormalizationFor(int channels)
    {
        if (Preprocessing is not { } known)
        {
            return (ImagePreprocessing.DefaultMean(channels), ImagePreprocessing.DefaultStandardDeviation(channels));
        }

        return known.Channels == channels
            ? ([.. known.Mean], [.. known.StandardDeviation])
            : ([.. Enumerable.Repeat(known.Mean.Average(), channels)], [.. Enumerable.Repeat(known.StandardDeviation.Average(), channels)]);
    }

    /// <summary>
    /// Makes a classifier of the weights as they are, for image files: what PyTorch trained becomes a model that
    /// <c>mlContext.Model.Save</c> writes and any ML.NET application loads.
    /// </summary>
    /// <remarks>
    /// What a model has beside its weights, classes and preprocessing is not among the weights, those of a model.zip included: the classifier has no test-time augmentation and no minimum score,
    /// scores in float32, and stops at an image that it can't read. <see cref="ResNetTransformer"/> has a method for each.
    /// </remarks>
    /// <param name="mlContext">The context that the classifier belongs to.</param>
    /// <param name="classNames">The classes in the order of the network's outputs. Null: as the weights say.</param>
    /// <param name="featureColumnName">The column with the paths of image files.</param>
    /// <param name="imageSize">Width and height of the network's input, in pixels. Null: as the weights say, with the short side that they say, or 224. Images are fitted as the weights say, or by cropping.</param>
    /// <param name="mean">The mean by channel of pixels scaled to 0 to 1. Null: as the weights say, or ImageNet's as torchvision has it.</param>
    /// <param name="standardDeviation">The deviation likewise.</param>
    /// <returns>The classifier, which is to be disposed.</returns>
    /// <exception cref="ArgumentException">The weights have no classifier or another number of classes, or don't name them and no names are given; a name is empty or occurs twice, or a mean or deviation is not one value a channel; or <see cref="NonFiniteCount"/> is not 0.</exception>
    public ResNetTransformer ToClassifier(
        MLContext mlContext, IReadOnlyList<string>? classNames = null, string featureColumnName = "ImagePath", int? imageSize = null, float[]? mean = null, float[]? standardDeviation = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentException.ThrowIfNullOrWhiteSpace(featureColumnName);
        return ClassifierOfWeights.Make(HostServices.GetEnvironment(mlContext.Transforms), this, classNames, featureColumnName, imageSize, mean, standardDeviation);
    }

    /// <summary>What the weights are: network, channels, classes.</summary>
    /// <returns>One line of text.</returns>
    public override string ToString()
        => $"{Describe(Specification)}, {InputChannels} channels, {(ClassCount is { } count ? $"{count} classes" : "no classifier")}";

    /// <summary>How <paramref name="specification"/> is called in messages.</summary>
    internal static string Describe(ResNetSpecification specification) => NamedArchitectures.Find(specification)?.ToString() ?? specification.ToString();

    private static IEnumerable<StateEntryLayout> Layout(ResNetSpecification specification, int channels, int? classCount)
        => StateDictLayout.Of(specification, channels, classCount ?? 1).Where(entry => classCount is not null || !Head.Owns(entry.Name));
}
