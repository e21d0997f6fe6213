using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>What a model makes of the test images.</summary>
internal sealed class TestResults
{
    private TestResults(IReadOnlyList<TestedImage> images, MulticlassClassificationMetrics metrics, CalibrationMetrics calibration, IReadOnlyList<string> classNames)
    {
        Images = images;
        Metrics = metrics;
        ClassNames = classNames;
        Calibration = calibration;
    }

    public IReadOnlyList<TestedImage> Images { get; }

    /// <summary>ML.NET's own.</summary>
    public MulticlassClassificationMetrics Metrics { get; }

    public IReadOnlyList<string> ClassNames { get; }

    public CalibrationMetrics Calibration { get; }

    public int CorrectCount => Images.Count(image => image.IsCorrect);

    /// <summary>The images that the model is wrong about, the most confident first.</summary>
    public IEnumerable<TestedImage> Mistakes => Images.Where(image => !image.IsCorrect).OrderByDescending(image => image.Confidence);

    /// <summary>Scores and evaluates the test data.</summary>
    public static TestResults Of(MLContext mlContext, ITransformer model, ResNetTransformer network, IDataView data, TrainingReportOptions options)
    {
        IDataView scored = data.Schema.GetColumnOrNull(options.ScoreColumnName) is null ? model.Transform(data) : data;
        DataViewSchema.Column label = Require(scored, network.LabelColumnName, "Label column"), score = Require(scored, options.ScoreColumnName, "Score column");
        if (label.Type is not KeyDataViewType || score.Type is not VectorDataViewType { ItemType: NumberDataViewType })
        {
            throw new ArgumentException(
                $"The test data have label column '{label.Name}' of type {label.Type} and score column '{score.Name}' of type {score.Type}, expected a key and a vector of Single. "
                + "Give the whole trained pipeline, MapValueToKey included, and data as it was trained on.");
        }

        string[] columns = [label.Name, score.Name];
        IDataView cached = mlContext.Data.Cache(scored, [.. columns, .. scored.Schema.GetColumnOrNull(options.PredictedLabelColumnName) is null ? [] : new[] { options.PredictedLabelColumnName }]);
        (List<TestedImage> images, int withoutScores) = Read(cached, columns);
        ReadImages(scored, network.FeatureColumnName, images.Where(image => !image.IsCorrect).OrderByDescending(image => image.Confidence).Take(options.MaxMistakes));
        return images.Count > 0
            ? new TestResults(
                images,
                mlContext.MulticlassClassification.Evaluate(cached, label.Name, score.Name, options.PredictedLabelColumnName),
                mlContext.MulticlassClassification.EvaluateCalibration(cached, label.Name, score.Name),
                network.ClassNames)
            : throw new InvalidOperationException(withoutScores == 0
                ? "The test data have no row with a label that the model knows."
                : $"The scores of all {withoutScores} rows of the test data with a label that the model knows are NaN: their images can't be read, or the model is of no use, as its training diverged.");
    }

    /// <summary>Labels and scores of all rows that have both, and the number of those whose scores are NaN.</summary>
    private static (List<TestedImage> Images, int WithoutScores) Read(IDataView scored, string[] columns)
    {
        List<TestedImage> images = [];
        int withoutScores = 0;
        using DataViewRowCursor cursor = scored.GetRowCursor(scored.Schema.Where(column => columns.Contains(column.Name)));
        ValueGetter<uint> readLabel = cursor.GetGetter<uint>(cursor.Schema[columns[0]]);
        ValueGetter<VBuffer<float>> readScore = cursor.GetGetter<VBuffer<float>>(cursor.Schema[columns[1]]);
        uint key = 0;
        VBuffer<float> scores = default;
        while (cursor.MoveNext())
        {
            readLabel(ref key);
            readScore(ref scores);
            float[] values = [.. scores.DenseValues()];
            if (key > 0 && values.Any(float.IsNaN))
            {
                withoutScores++;
            }
            else if (key > 0)
            {
                images.Add(new TestedImage((int)key - 1, values, cursor.Position));
            }
        }

        return (images, withoutScores);
    }

    /// <summary>Reads the images that are shown, in a pass of their own that scores nothing: of all the others nothing is kept.</summary>
    private static void ReadImages(IDataView data, string columnName, IEnumerable<TestedImage> shown)
    {
        ImageSource source = ImageSource.Of(data.Schema, columnName);
        Dictionary<long, TestedImage> byRow = shown.ToDictionary(image => image.Row);
        if (source.IsNone || byRow.Count == 0)
        {
            return;
        }

        using DataViewRowCursor cursor = data.GetRowCursor([data.Schema[columnName]]);
        Func<ImageContent?> read = source.Reader(cursor);
        while (cursor.MoveNext())
        {
            if (byRow.TryGetValue(cursor.Position, out TestedImage? image))
            {
                image.Image = read();
            }
        }
    }

    private static DataViewSchema.Column Require(IDataView data, string name, string role) => data.Schema.GetColumnOrNull(name)
        ?? throw new ArgumentException($"{role} '{name}' is missing. The data have {string.Join(", ", data.Schema.Select(column => column.Name))}.");
}

/// <summary>A test image.</summary>
/// <param name="Label">The index of its class.</param>
/// <param name="Scores">The probability of each class.</param>
/// <param name="Row">The number of its row.</param>
internal sealed record TestedImage(int Label, float[] Scores, long Row)
{
    /// <summary>The index of the most probable class, the first of several.</summary>
    public int Predicted { get; } = Array.IndexOf(Scores, Scores.Max());

    public float Confidence => Scores[Predicted];

    public bool IsCorrect => Predicted == Label;

    /// <summary>The image, where it is shown and the data have one.</summary>
    public ImageContent? Image { get; set; }
}
