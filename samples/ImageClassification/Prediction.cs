using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification;

/// <summary>A saved model, ready to classify single images: this is the code to copy. Loading takes nothing but ML.NET's own Load.</summary>
internal sealed class Prediction : IDisposable
{
    private readonly ITransformer _model;
    private readonly PredictionEngine<LabeledImage, ImagePrediction> _engine;
    private readonly string[] _classNames;

    private Prediction(MLContext mlContext, ITransformer model)
    {
        _model = model;
        _engine = mlContext.Model.CreatePredictionEngine<LabeledImage, ImagePrediction>(model);
        VBuffer<ReadOnlyMemory<char>> names = default;
        _engine.OutputSchema["Score"].GetSlotNames(ref names);
        _classNames = [.. names.DenseValues().Select(name => name.ToString())];
    }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static Prediction Load(string modelPath)
    {
        var mlContext = new MLContext();
        return new Prediction(mlContext, mlContext.Model.Load(modelPath, out _));
    }

    /// <summary>All classes and their probabilities, the most probable first.</summary>
    /// <exception cref="IOException">The image can't be read.</exception>
    public IEnumerable<(string ClassName, float Probability)> Classify(string imagePath)
    {
        float[] scores = _engine.Predict(new LabeledImage { ImagePath = imagePath }).Score;
        return _classNames.Zip(scores).OrderByDescending(pair => pair.Second);
    }

    public void Dispose()
    {
        _engine.Dispose();
        (_model as IDisposable)?.Dispose();
    }
}
