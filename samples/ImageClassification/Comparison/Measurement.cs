using System.Diagnostics;
using ImageClassification.Data;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageClassification.Comparison;

/// <summary>Trains a candidate and measures the model, the same way for each.</summary>
internal static class Measurement
{
    /// <summary>Trains, tests and saves.</summary>
    /// <param name="modelPath">Where the model is saved.</param>
    public static CandidateResult Run(Candidate candidate, MLContext mlContext, ImageData data, TrainingTask task, string modelPath)
    {
        IDataView training = mlContext.Data.LoadFromEnumerable(data.Training), test = mlContext.Data.LoadFromEnumerable(data.Test);
        var clock = Stopwatch.StartNew();
        ITransformer model = candidate.Pipeline(mlContext, task).Fit(training);
        TimeSpan trainingTime = clock.Elapsed;
        using var owner = model as IDisposable;

        task.CancellationToken.ThrowIfCancellationRequested();
        mlContext.Model.Save(model, training.Schema, modelPath);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(test));
        return new CandidateResult
        {
            Candidate = candidate.Name,
            Trainer = candidate.Title,
            MicroAccuracy = metrics.MicroAccuracy,
            MacroAccuracy = metrics.MacroAccuracy,
            LogLoss = metrics.LogLoss,
            TrainSeconds = trainingTime.TotalSeconds,
            ScoringImagesPerSecond = data.Test.Count / ScoringTime(model, test).TotalSeconds,
            ModelMegabytes = new FileInfo(modelPath).Length / 1e6,
            Parameters = ParameterCount.Of(model),
        };
    }

    private static TimeSpan ScoringTime(ITransformer model, IDataView test)
    {
        var clock = Stopwatch.StartNew();
        IDataView scored = model.Transform(test);
        foreach (VBuffer<float> _ in scored.GetColumn<VBuffer<float>>("Score"))
        {
        }

        return clock.Elapsed;
    }
}
