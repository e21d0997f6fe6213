using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Classifier;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.ResNet.Model;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.ResNet.Onnx;
using Microsoft.ML.ResNet.Scoring;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.Runtime;
using TorchSharp;

namespace Microsoft.ML.ResNet;

/// <summary>
/// A trained image classifier: adds the columns <c>Score</c> (a probability for each class) and <c>PredictedLabel</c> (the most probable
/// class) to a data set. It is immutable, may be used from many threads at once, and is saved and loaded by <c>mlContext.Model</c>.
/// </summary>
/// <remarks>It holds native memory: dispose it when it is no longer needed. A use after that throws <see cref="ObjectDisposedException"/>.</remarks>
public sealed partial class ResNetTransformer : ITransformer, IDisposable
{
    private readonly ModelDescription _description;
    private readonly ScoringModel _model;

    private ResNetTransformer(ModelDescription description, ResidualNetwork network, ScoringDevice device)
    {
        _description = description;
        Specification = network.Specification;
        Preprocessing = description.Image.ToPreprocessing();
        ClassNames = Array.AsReadOnly(description.Classes.Names);
        TrainingHistory = Array.AsReadOnly(description.Training);
        LabelValues labels = LabelValues.Parse(description.Classes.Type, description.Classes.Names);
        ImageViews views = ImageViews.Of(description.TestTimeAugmentation);
        _model = new ScoringModel(
            new ImageScorer(network, description.Image.ToInputFormat(), device, NetworkOutput.Probabilities, nameof(ResNetTransformer)) { Views = views },
            description.Image.ToColumn(description.Columns.Feature, description.Network.Channels),
            description.Image.ToPixelValues(),
            input => new ScoreSchema(input, labels, description.Columns.Score, description.Columns.PredictedLabel),
            description.Image.CreatePreprocessor(views),
            description.Image.BadImages,
            description.Image.Folder)
        {
            MinimumScore = description.MinimumScore,
        };
    }

    /// <summary>The folder that relative image paths are relative to; null: the current directory.</summary>
    public string? ImageFolder => _description.Image.Folder;

    /// <summary>The classes in the order of the scores: the text of the label's key values.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The well-known name of the network, or null for one of the user's own.</summary>
    public ResNetArchitecture? Architecture => NamedArchitectures.Find(Specification);

    /// <summary>The network.</summary>
    public ResNetSpecification Specification { get; }

    /// <summary>How an image becomes network input.</summary>
    public ImagePreprocessing Preprocessing { get; }

    /// <summary>The metrics at the end of each epoch of the training that made the model.</summary>
    public IReadOnlyList<EpochMetrics> TrainingHistory { get; }

    /// <summary>The name of the label column of the training data.</summary>
    public string LabelColumnName => _description.Columns.Label;

    /// <summary>The name of the image column that is read.</summary>
    public string FeatureColumnName => _description.Columns.Feature;

    /// <summary>The numbers that the network scores with. They are saved with the model.</summary>
    public ScoringPrecision ScoringPrecision => _description.ScoringPrecision;

    /// <summary>What becomes of an image that can't be read. It is saved with the model.</summary>
    public BadImageHandling BadImages => _description.Image.BadImages;

    /// <summary>What the model scores with on the CPU in float32. A model that was loaded has <see cref="ScoringBackend.Auto"/>.</summary>
    public ScoringBackend ScoringBackend => _model.Scorer.Backend;

    /// <summary>The views of an image that are scored and averaged. It is saved with the model.</summary>
    public TestTimeAugmentation TestTimeAugmentation => _description.TestTimeAugmentation;

    /// <summary>Whether rows are mapped one by one, without regard to each other: true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema of the data after scoring: the input's columns, then the predicted label and the scores.</summary>
    /// <param name="inputSchema">The schema of the data to be scored.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _model.OutputSchema(inputSchema);

    /// <summary>Adds predicted label and scores to a data set. Rows are scored in batches when they are read, and only where one of the two columns is asked for.</summary>
    /// <param name="input">The data to be scored.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public IDataView Transform(IDataView input) => _model.Transform(input);

    /// <summary>A mapper that scores single rows; <c>PredictionEngine</c> uses it.</summary>
    /// <param name="inputSchema">The schema of the rows.</param>
    /// <exception cref="ArgumentException">The image column is missing, or of a type that the model does not score.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _model.RowMapper(inputSchema);

    /// <summary>Saves the weights alone, as safetensors with torchvision's names, for PyTorch and other tools.</summary>
    /// <remarks>The file's metadata have <c>architecture</c>, and <c>class_names</c> and <c>preprocessing</c> as JSON.</remarks>
    /// <param name="path">The file to write. It is replaced only when the new one is complete.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public void SaveWeights(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        AtomicFile.Write(path, stream => _model.WriteWeights(stream, ModelMetadata.OfWeights(_description)));
    }

    /// <summary>
    /// Writes the classifier as an ONNX file, which any runtime of the format scores without this library or libtorch: ONNX Runtime, ML.NET's
    /// <c>ApplyOnnxModel</c>, Triton, browsers and others. The file takes images of the network's size, any number at once, as the pixels
    /// are; it normalises them itself. Decoding and resizing are the application's.
    /// </summary>
    /// <remarks>
    /// The metadata (<c>metadata_props</c>) have <c>class_names</c> and <c>preprocessing</c> as JSON, <c>architecture</c> and <c>license</c>.
    /// The same model and options give the same bytes.
    /// </remarks>
    /// <param name="path">The file to write. It is replaced only when the new one is complete.</param>
    /// <param name="options">Precision, form of the input, outputs and their names; null: the defaults, float32 pixels of 0 to 255 in and scores out.</param>
    /// <exception cref="ArgumentException">The options are out of range or don't fit the model.</exception>
    /// <exception cref="InvalidOperationException">A weight is too large for <see cref="OnnxPrecision.Float16"/>, or the file would exceed the format's 2 GiB.</exception>
    /// <exception cref="IOException">The file can't be written.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public void ExportOnnx(string path, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        OnnxExportOptions settings = options ?? new OnnxExportOptions();
        settings.Validate();
        using ReferenceCount.Use use = _model.Scorer.Enter();
        ProtobufMessage model = OnnxModel.Create(_description, _model.Scorer.Network, settings);
        AtomicFile.Write(path, model.WriteTo);
    }

    /// <summary>The same model with another precision of scoring. It has weights of its own: each of the two is to be disposed.</summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="precision">The numbers to score with.</param>
    /// <exception cref="ArgumentOutOfRangeException">The precision is none of the enumeration.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithScoringPrecision(MLContext mlContext, ScoringPrecision precision)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        if (!Enum.IsDefined(precision))
        {
            throw new ArgumentOutOfRangeException(nameof(precision), precision, $"Expected {string.Join(", ", Enum.GetNames<ScoringPrecision>())}.");
        }

        return WithDescription(mlContext, _description with { ScoringPrecision = precision });
    }

    /// <summary>The same model with another way to score on the CPU in float32, which isn't saved with it. It has weights of its own: each of the two is to be disposed.</summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="backend">What to score with.</param>
    /// <exception cref="ArgumentOutOfRangeException">The backend is none of the enumeration.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithScoringBackend(MLContext mlContext, ScoringBackend backend)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        if (!Enum.IsDefined(backend))
        {
            throw new ArgumentOutOfRangeException(nameof(backend), backend, $"Expected {string.Join(", ", Enum.GetNames<ScoringBackend>())}.");
        }

        return WithDescription(mlContext, _description, backend: backend);
    }

    /// <summary>
    /// The same model that stops at an image that it can't read, with an exception that says why, or that gives it scores of NaN and no label. A model does what it was trained with
    /// (<see cref="ResNetTrainer.Options.BadImages"/>); this is for an application that wants it otherwise. It has weights of its own: each of the two is to be disposed.
    /// </summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="badImages">What becomes of such images.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="badImages"/> is none of the enumeration.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithBadImages(MLContext mlContext, BadImageHandling badImages)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        if (!Enum.IsDefined(badImages))
        {
            throw new ArgumentOutOfRangeException(nameof(badImages), badImages, $"Expected {string.Join(", ", Enum.GetNames<BadImageHandling>())}.");
        }

        return WithDescription(mlContext, _description with { Image = _description.Image with { BadImages = badImages } });
    }

    /// <summary>
    /// The same model that takes relative image paths as relative to another folder than the one that it was trained with (<see cref="ResNetTrainer.Options.ImageFolder"/>), for instance
    /// where the images of the application are elsewhere. It has weights of its own: each of the two is to be disposed.
    /// </summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="imageFolder">The folder; null: the current directory.</param>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithImageFolder(MLContext mlContext, string? imageFolder)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        return WithDescription(mlContext, _description with { Image = _description.Image with { Folder = imageFolder } });
    }

    /// <summary>
    /// The same model that scores several views of each image and averages them, or one. It has weights of its own: each of the two is to be disposed. What was calibrated or chosen by
    /// the scores of the one, such as a temperature or a minimum score, is to be made anew for the other.
    /// </summary>
    /// <param name="mlContext">Has the device and the log.</param>
    /// <param name="augmentation">The views.</param>
    /// <exception cref="ArgumentOutOfRangeException">The augmentation is none of the enumeration.</exception>
    /// <exception cref="ArgumentException">The model's images can't be cut into crops.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ResNetTransformer WithTestTimeAugmentation(MLContext mlContext, TestTimeAugmentation augmentation)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        return ImageViews.Fault(augmentation, Preprocessing, _description.Image.Kind == FeatureKind.Pixels) is { } fault
            ? throw new ArgumentException(fault, nameof(augmentation))
            : WithDescription(mlContext, _description with { TestTimeAugmentation = augmentation });
    }

    /// <summary>Frees the network's memory when the last scoring that is under way is over.</summary>
    public void Dispose() => _model.Scorer.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => ResNetTransformerLoader.Folder.Save(ctx, _description.ToJson(), WriteWeights);

    /// <summary>The same model with weights of its own.</summary>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    internal ResNetTransformer Copy(IHostEnvironment environment) => WithDescription(environment, _description);

    /// <summary>What the file of a model has beside the weights.</summary>
    internal byte[] DescriptionJson() => _description.ToJson();

    /// <summary>Writes the weights as safetensors.</summary>
    internal void WriteWeights(Stream stream) => _model.WriteWeights(stream);

    /// <summary>Makes a transformer of a network that has been trained and takes ownership of it.</summary>
    internal static ResNetTransformer Create(ModelDescription description, ResidualNetwork network, ScoringDevice device)
        => new(description, network, device);

    internal static ResNetTransformer Load(IHostEnvironment environment, byte[] json, Stream weights)
    {
        ModelDescription description = ModelDescription.FromJson(json);
        return StoredNetwork.Load(
            environment,
            nameof(ResNetTransformer),
            description.Network.ToSpecification(),
            description.Network.Channels,
            description.Classes.Names.Length,
            weights,
            description.ScoringPrecision,
            (network, device) => new ResNetTransformer(description, network, device));
    }

    /// <summary>A copy of the model, described anew.</summary>
    /// <param name="adjust">Changes the copy's network before it scores; null: it stays as it is.</param>
    /// <param name="backend">What it scores with; null: what this one does.</param>
    private ResNetTransformer WithDescription(
        IHostEnvironment environment, ModelDescription description, Action<ResidualNetwork>? adjust = null, ScoringBackend? backend = null)
    {
        using IChannel channel = environment.Start(nameof(ResNetTransformer));
        torch.Device device = TorchDevice.Choose(environment, channel);
        using ReferenceCount.Use use = _model.Scorer.Enter();
        ResidualNetwork source = _model.Scorer.Network;
        var network = new ResidualNetwork(source.Specification, source.InputChannels, source.ClassCount, seed: null);
        try
        {
            network.CopyStateFrom(source.StateEntries);
            adjust?.Invoke(network);
            return new ResNetTransformer(description, network, ScoringDevice.Choose(device, description.ScoringPrecision, backend ?? _model.Scorer.Backend, environment, channel));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>A copy of the weights, with what the model knows about them.</summary>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    internal WeightFile CopyWeights()
    {
        using ReferenceCount.Use use = _model.Scorer.Enter();
        return _description.WithWeights(NetworkWeights.Copy(_model.Scorer.Network));
    }
}
