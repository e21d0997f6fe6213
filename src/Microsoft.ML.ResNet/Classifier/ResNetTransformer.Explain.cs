using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Explanations;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Scoring;

namespace Microsoft.ML.ResNet;

#pragma warning disable RS0026, RS0027 // The overloads differ in the type of their first parameter, so that no call fits two of them.

public sealed partial class ResNetTransformer
{
    /// <summary>
    /// Shows which parts of an image speak for a class, by Grad-CAM (Selvaraju et al. 2017). It takes about three times as long as scoring the image, on the CPU,
    /// and may be called from many threads at once.
    /// </summary>
    /// <param name="imagePath">The path of an image file.</param>
    /// <param name="className">One of <see cref="ClassNames"/>; null: the class that the model takes the image for.</param>
    /// <param name="stage">
    /// The stage of the network that is looked at: 1 is the first, with the finest map of the simplest features; null: the last, whose features are what the
    /// classifier reads.
    /// </param>
    /// <returns>The map, and the picture of it.</returns>
    /// <exception cref="ArgumentException">The class is none of the model's.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The network has no such stage.</exception>
    /// <exception cref="InvalidOperationException">The model was trained on pixel vectors, not on images.</exception>
    /// <exception cref="IOException">The image can't be read.</exception>
    /// <exception cref="ObjectDisposedException">The transformer has been disposed.</exception>
    public ImageExplanation Explain(string imagePath, string? className = null, int? stage = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(imagePath);
        ImagePreprocessor preprocessor = CheckExplained(className, stage);
        using EncodedFile file = EncodedFile.Read(ImagePath.Combine(imagePath.AsMemory(), _model.ImageFolder));
        return Explain(preprocessor, file.Content, file.Source, className, stage);
    }

    /// <summary>Shows which parts of an image speak for a class, of the content of an image file.</summary>
    /// <param name="encodedImage">The content of an image file.</param>
    /// <inheritdoc cref="Explain(string, string?, int?)"/>
    public ImageExplanation Explain(ReadOnlyMemory<byte> encodedImage, string? className = null, int? stage = null)
        => Explain(CheckExplained(className, stage), encodedImage, "The image", className, stage);

    /// <summary>Shows which parts of an image speak for a class, of an <see cref="MLImage"/>.</summary>
    /// <param name="image">The image. It is neither changed nor disposed.</param>
    /// <inheritdoc cref="Explain(string, string?, int?)"/>
    public ImageExplanation Explain(MLImage image, string? className = null, int? stage = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        ImagePreprocessor preprocessor = CheckExplained(className, stage);
        using PixelImage pixels = PixelImage.FromMLImage(image);
        byte[] input = new byte[preprocessor.OutputLength];
        preprocessor.Load(pixels, input);
        return Explain(preprocessor, input, pixels, className, stage);
    }

    private ImageExplanation Explain(ImagePreprocessor preprocessor, ReadOnlyMemory<byte> encoded, string source, string? className, int? stage)
    {
        // As scoring reads it, so that the probabilities are those of Transform.
        byte[] input = new byte[preprocessor.OutputLength];
        preprocessor.Load(encoded, source, input);
        using PixelImage pixels = ImageDecoder.Decode(encoded, source);
        return Explain(preprocessor, input, pixels, className, stage);
    }

    private ImageExplanation Explain(ImagePreprocessor preprocessor, byte[] input, PixelImage pixels, string? className, int? stage)
    {
        int chosenStage = stage ?? Specification.Depths.Count;
        float[]? scores = _model.Scorer.Views.Count > 1 ? ScoreViews(input) : null;
        int? classIndex = className is not null ? IndexOf(className) : scores is not null ? Array.IndexOf(scores, scores.Max()) : null;
        ClassActivation activation;
        using (ReferenceCount.Use use = _model.Scorer.Enter())
        using (ScoringTurns.Turn turn = ScoringTurns.Take())
        {
            activation = GradCam.Compute(_model.Scorer.Network, _model.Scorer.Format, input, classIndex, chosenStage);
        }

        activation = activation with { Probabilities = scores ?? activation.Probabilities };
        ImagePlacement placement = preprocessor.Place(pixels.OriginalWidth, pixels.OriginalHeight);
        return new ImageExplanation(activation, new ExplainedPicture(pixels, placement), ClassNames, chosenStage, preprocessor.Width, preprocessor.Height);
    }

    /// <summary>The probabilities that scoring gives, which averages views; the map is that of the first of them, the centre.</summary>
    private float[] ScoreViews(byte[] views)
    {
        float[] scores = new float[ClassNames.Count];
        _model.Scorer.Score(views, 1, scores);
        return scores;
    }

    /// <exception cref="ArgumentException">The class is none of the model's, or the network has no such stage.</exception>
    /// <exception cref="InvalidOperationException">The model was trained on pixel vectors, not on images.</exception>
    internal ImagePreprocessor CheckExplained(string? className, int? stage)
    {
        if (className is not null && IndexOf(className) < 0)
        {
            throw new ArgumentException($"The model has no class '{className}'. Its classes are {string.Join(", ", ClassNames.Take(20))}{(ClassNames.Count > 20 ? ", ..." : "")}.", nameof(className));
        }

        if (stage is { } value && (value < 1 || value > Specification.Depths.Count))
        {
            throw new ArgumentOutOfRangeException(nameof(stage), value, $"The network has the stages 1 to {Specification.Depths.Count}.");
        }

        return _model.Preprocessor ?? throw new InvalidOperationException(
            $"The model was trained on pixel vectors (column '{FeatureColumnName}'), and explains images only. Train it on the column of the image paths, or on MLImage.");
    }

    private int IndexOf(string className) => Enumerable.Range(0, ClassNames.Count).FirstOrDefault(i => ClassNames[i] == className, -1);
}
