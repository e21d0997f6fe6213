using System.Globalization;
using System.Security.Cryptography;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Interop;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Serialization;
using Microsoft.ML.ResNet.Training;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using TorchSharp;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Trains a residual network (He et al. 2015, "Deep residual learning for image recognition") to classify images. Made by
/// <c>mlContext.MulticlassClassification.Trainers.ResNet(...)</c>.
/// </summary>
public sealed partial class ResNetTrainer : IEstimator<ResNetTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;

    internal ResNetTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _host = environment.Register(nameof(ResNetTrainer));
        _options = options.Copy();
    }

    /// <summary>Trains a network. The estimator keeps no state: every Fit starts anew.</summary>
    /// <param name="input">The training data, with a label column of key type and an image column.</param>
    /// <returns>The trained classifier, which is to be disposed.</returns>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type, or the labels have one class only.</exception>
    /// <exception cref="InvalidOperationException">No row has a label, or no image can be read; or the loss is no longer a finite number.</exception>
    /// <exception cref="IOException">An image can't be read (<see cref="FileNotFoundException"/> and others by cause); the message has its path.</exception>
    /// <exception cref="InvalidDataException">An image can't be decoded, or a pixel value is out of range; the message has its path or row.</exception>
    /// <exception cref="OperationCanceledException">The MLContext or the token of the options has been cancelled.</exception>
    public ResNetTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        NativeTorch.EnsureLoaded();
        using IChannel channel = _host.Start(nameof(Fit));
        using TrainingData data = ReadData(input, channel);
        long seed = _options.Seed ?? HostServices.GetSeed(_host) ?? RandomNumberGenerator.GetInt32(int.MaxValue);
        torch.Device device = TorchDevice.Choose(_host, channel);
        ResNetSpecification specification = (_options.Specification ?? ResNetSpecification.FromArchitecture(_options.Architecture))
            .ResolveStem(data.Preprocessing.Height, data.Preprocessing.Width);
        Log(channel, $"Training {NamedArchitectures.Find(specification)?.ToString() ?? "a residual network"} of {ResNetStateLayout.ParameterCount(specification, data.Preprocessing.Channels, data.Labels.Count):N0} parameters on {data.Training.Count} images of {data.Preprocessing.Width}x{data.Preprocessing.Height}, {data.Labels.Count} classes, {_options.Epochs} epochs, seed {seed}, device {device}.");

        var network = new ResidualNetwork(specification, data.Preprocessing.Channels, data.Labels.Count, seed);
        try
        {
            network.to(device);
            var loop = new TrainingLoop(
                network,
                data.Training,
                data.Validation,
                TrainingSettings.Of(_options, Math.Min(data.Preprocessing.Width, data.Preprocessing.Height), seed),
                device,
                metrics => Report(metrics, channel),
                CheckCancelled);
            return ResNetTransformer.Create(Describe(data, specification, loop.Run()), network, device, _options.ImageFolder);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The columns after scoring, from those before.</summary>
    /// <param name="inputSchema">The columns of the training data.</param>
    /// <exception cref="ArgumentException">The label or the image column is missing or of the wrong type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        SchemaShape.Column label = Find(inputSchema, _options.LabelColumnName, "Label");
        if (!label.IsKey || label.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw new ArgumentException(
                $"Label column '{label.Name}' has type {SchemaShapes.TypeName(label)}, expected Key. Add Conversion.MapValueToKey(\"{label.Name}\") before ResNet.");
        }

        SchemaShape.Column feature = Find(inputSchema, _options.FeatureColumnName, "Feature");
        bool isPath = feature.Kind == SchemaShape.Column.VectorKind.Scalar && feature.ItemType is TextDataViewType;
        bool isImage = feature.Kind == SchemaShape.Column.VectorKind.Scalar && feature.ItemType is ImageDataViewType;
        bool isBytes = feature.Kind != SchemaShape.Column.VectorKind.Scalar && feature.ItemType == NumberDataViewType.Byte;
        bool isPixels = feature.Kind == SchemaShape.Column.VectorKind.Vector && feature.ItemType == NumberDataViewType.Single;
        if (feature.IsKey || !(isPath || isImage || isBytes || isPixels))
        {
            throw new ArgumentException(
                $"Feature column '{feature.Name}' has type {SchemaShapes.TypeName(feature)}, expected {ImageColumn.Types}. "
                + "Point FeatureColumnName to such a column, or add LoadImages or ExtractPixels before ResNet.");
        }

        return SchemaShapes.With(
            inputSchema,
            SchemaShapes.PredictedLabel(_options.PredictedLabelColumnName, label),
            SchemaShapes.Score(_options.ScoreColumnName, label));
    }

    private TrainingData ReadData(IDataView input, IChannel channel)
    {
        ImageColumn column = ImageColumn.Of(input.Schema, _options.FeatureColumnName, _options.PixelLayout, _options.ImageSize);
        LabelColumn labels = LabelColumn.Read(input, _options.LabelColumnName, "Label column", CheckCancelled);
        int[] present = [.. labels.Classes.Where(label => label != LabelColumn.Missing).Distinct()];
        if (present.Length < 2)
        {
            throw new ArgumentException(
                $"Label column '{_options.LabelColumnName}' has rows of one class only, '{LabelValues.Of(labels.Column, labels.ClassCount).Names[present[0]]}', expected at least two classes. Check the label column, and that no filter took the other classes away.");
        }

        WarnOfMissingLabels(labels, "training", channel);
        var reader = new TrainingDataReader(_options, column, ImageCacheSettings.Of(_options, HostServices.GetTemporaryFolder(_host)), CheckCancelled, message => channel.Info(MessageSensitivity.None, "{0}", message), message => channel.Warning(MessageSensitivity.None, "{0}", message));
        if (_options.ValidationSet is not { } validationSet)
        {
            return reader.Read(input, labels);
        }

        LabelColumn validationLabels = LabelColumn.Read(validationSet, _options.LabelColumnName, "Label column of the validation set", CheckCancelled);
        CheckSameClasses(LabelValues.Of(labels.Column, labels.ClassCount), validationLabels);
        WarnOfMissingLabels(validationLabels, "validation", channel);
        TrainingData data = reader.Read(input, labels);
        try
        {
            return data with { Validation = reader.ReadValidation(validationSet, validationLabels, data) };
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    private void CheckSameClasses(LabelValues labels, LabelColumn validation)
    {
        string[] names = LabelValues.Of(validation.Column, validation.ClassCount).Names;
        if (!names.AsSpan().SequenceEqual(labels.Names))
        {
            throw new ArgumentException(
                $"Label column '{_options.LabelColumnName}' of the validation set has the keys {string.Join(", ", names.Take(10))}, expected {string.Join(", ", labels.Names.Take(10))}, as in the training set. Transform both with the same fitted MapValueToKey.");
        }
    }

    private static void WarnOfMissingLabels(LabelColumn labels, string set, IChannel channel)
    {
        if (labels.MissingCount > 0)
        {
            channel.Warning(
                MessageSensitivity.None,
                "{0} of {1} {2} rows have no label and are left out: their values have no key.",
                labels.MissingCount,
                labels.Classes.Length,
                set);
        }
    }

    private ModelDescription Describe(TrainingData data, ResNetSpecification specification, IReadOnlyList<EpochMetrics> history) => new()
    {
        FormatVersion = ModelDescription.CurrentFormatVersion,
        Network = ModelDescription.NetworkPart.Of(specification, data.Preprocessing.Channels),
        Columns = new ModelDescription.ColumnsPart(_options.LabelColumnName, _options.FeatureColumnName, _options.ScoreColumnName, _options.PredictedLabelColumnName),
        Image = new ModelDescription.ImagePart
        {
            Kind = data.Column.Kind,
            Width = data.Preprocessing.Width,
            Height = data.Preprocessing.Height,
            Fit = data.Preprocessing.Fit,
            ShortSide = data.Preprocessing.ShortSide,
            Mean = [.. data.Preprocessing.Mean],
            StandardDeviation = [.. data.Preprocessing.StandardDeviation],
            IsPlanar = data.Column.IsPlanar,
            Range = data.Range,
            BadImages = _options.BadImages,
        },
        Classes = new ModelDescription.ClassesPart(data.Labels.TypeName, data.Labels.Names),
        Training = [.. history],
    };

    private void Report(EpochMetrics metrics, IChannel channel)
    {
        _options.Progress?.Report(metrics);
        if (!metrics.IsEpochEnd)
        {
            return;
        }

        string validation = metrics.ValidationAccuracy is null ? "" : string.Create(
            CultureInfo.InvariantCulture, $", validation loss {metrics.ValidationLoss:F4}, validation accuracy {metrics.ValidationAccuracy:P1}");
        Log(channel, $"Epoch {metrics.Epoch}/{metrics.EpochCount}: loss {metrics.TrainingLoss:F4}, accuracy {metrics.TrainingAccuracy:P1}{validation}, learning rate {metrics.LearningRate:G3}, {metrics.ImagesPerSecond:F0} images/s, {metrics.Remaining:hh\\:mm\\:ss} left.");
        _options.EpochCallback?.Invoke(metrics);
    }

    private void CheckCancelled()
    {
        _options.CancellationToken.ThrowIfCancellationRequested();
        if (HostServices.IsCancelled(_host))
        {
            throw new OperationCanceledException("The training was cancelled by its MLContext.");
        }
    }

    private static void Log(IChannel channel, FormattableString message)
        => channel.Info(MessageSensitivity.None, "{0}", message.ToString(CultureInfo.InvariantCulture));

    private static SchemaShape.Column Find(SchemaShape shape, string name, string role)
        => SchemaShapes.Find(shape, name)
            ?? throw new ArgumentException(
                $"{role} column '{name}' is missing. The data has the columns {string.Join(", ", shape.Select(column => $"'{column.Name}'"))}.");
}
