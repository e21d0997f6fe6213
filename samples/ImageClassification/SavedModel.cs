using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet;

namespace ImageClassification;

/// <summary>A saved model, ready to classify images: this is code to copy. Loading takes nothing but ML.NET's own Load.</summary>
internal sealed class SavedModel : IDisposable
{
    private SavedModel(MLContext mlContext, ITransformer model)
    {
        MLContext = mlContext;
        Model = model;
        IDataView scored = model.Transform(mlContext.Data.LoadFromEnumerable<LabeledImage>([]));
        VBuffer<ReadOnlyMemory<char>> names = default;
        DataViewSchema.Column? score = scored.Schema.GetColumnOrNull("Score");
        if (score is not { Type: VectorDataViewType { IsKnownSize: true } } column || !column.HasSlotNames())
        {
            throw new InvalidOperationException("it has no column 'Score' with a name for each class, which the trainers of this library and of ML.NET give, and a model exported for ONNX Runtime lacks.");
        }

        column.GetSlotNames(ref names);
        ClassNames = [.. names.DenseValues().Select(name => name.ToString())];
    }

    public MLContext MLContext { get; }

    public ITransformer Model { get; }

    /// <summary>The classes, in the order of the scores.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>The network in it, or null where another trainer made the model.</summary>
    public ResNetTransformer? Network => Parts(Model).OfType<ResNetTransformer>().FirstOrDefault();

    /// <param name="modelPath">The file.</param>
    /// <param name="augmentation">The views that it scores; null: those that it was saved with.</param>
    /// <param name="badImages">What becomes of images that can't be read; null: as it was saved.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidOperationException">The model takes no column ImagePath, or gives no scores; or it has no residual network, and views are given.</exception>
    /// <exception cref="ArgumentException">The model's images can't be cut into the views.</exception>
    public static SavedModel Load(string modelPath, TestTimeAugmentation? augmentation = null, BadImageHandling? badImages = null)
    {
        var mlContext = new MLContext();
        ITransformer model = mlContext.Model.Load(modelPath, out _);
        try
        {
            if (augmentation is { } views)
            {
                model = HasNetwork(model)
                    ? WithNetwork(model, network => network.WithTestTimeAugmentation(mlContext, views))
                    : throw new InvalidOperationException("it has no residual network, which could score several views of an image.");
            }

            if (badImages is { } handling && Parts(model).OfType<ResNetTransformer>().Any(network => network.BadImages != handling))
            {
                model = WithNetwork(model, network => network.WithBadImages(mlContext, handling));
            }
            else if (badImages == BadImageHandling.Skip && !HasNetwork(model))
            {
                throw new InvalidOperationException("it has no residual network, which could leave images out.");
            }

            return new SavedModel(mlContext, model);
        }
        catch
        {
            (model as IDisposable)?.Dispose();
            throw;
        }
    }

    /// <summary>The probabilities of the classes for each of the images, in the order of <see cref="ClassNames"/>. Many at a time are faster than one by one.</summary>
    /// <exception cref="IOException">An image can't be read.</exception>
    public IReadOnlyList<float[]> Classify(IEnumerable<string> imagePaths)
    {
        IDataView images = MLContext.Data.LoadFromEnumerable(imagePaths.Select(path => new LabeledImage { ImagePath = path }));
        return [.. Model.Transform(images).GetColumn<float[]>("Score")];
    }

    /// <summary>Scores labelled images, as data to evaluate.</summary>
    public IDataView Score(IEnumerable<LabeledImage> images)
    {
        IDataView scored = Model.Transform(MLContext.Data.LoadFromEnumerable(images));
        if (scored.Schema["Label"].Type is not KeyDataViewType)
        {
            IDataView classes = MLContext.Data.LoadFromEnumerable(ClassNames.Select(name => new LabeledImage { Label = name }));
            scored = MLContext.Transforms.Conversion.MapValueToKey("Label", keyData: MLContext.Transforms.SelectColumns("Label").Fit(classes).Transform(classes)).Fit(scored).Transform(scored);
        }

        return scored.Schema["PredictedLabel"].Type is KeyDataViewType
            ? MLContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored)
            : scored;
    }

    public void Dispose() => (Model as IDisposable)?.Dispose();

    /// <summary>What a pipeline is made of, at any depth.</summary>
    public static IEnumerable<ITransformer> Parts(ITransformer model)
        => model is IEnumerable<ITransformer> chain ? chain.SelectMany(Parts) : [model];

    /// <summary>A pipeline with another network in place of its own, which is disposed.</summary>
    private static TransformerChain<ITransformer> WithNetwork(ITransformer model, Func<ResNetTransformer, ResNetTransformer> change)
    {
        return new TransformerChain<ITransformer>([.. Parts(model).Select(Changed)]);

        ITransformer Changed(ITransformer part)
        {
            if (part is not ResNetTransformer network)
            {
                return part;
            }

            ResNetTransformer changed = change(network);
            network.Dispose();
            return changed;
        }
    }

    private static bool HasNetwork(ITransformer model) => Parts(model).OfType<ResNetTransformer>().Any();
}
