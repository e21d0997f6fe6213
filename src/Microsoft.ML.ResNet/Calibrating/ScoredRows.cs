using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Calibrating;

/// <summary>Labels and probabilities of the rows that have both.</summary>
/// <param name="Labels">The classes, counted from 0.</param>
/// <param name="Scores">A probability for each class.</param>
internal sealed record ScoredRows(IReadOnlyList<int> Labels, IReadOnlyList<float[]> Scores)
{
    /// <exception cref="ArgumentException">A column is missing or of another type, or the two differ in their classes.</exception>
    /// <exception cref="InvalidOperationException">No row has a label and scores.</exception>
    public static ScoredRows Read(IDataView data, string labelColumnName, string scoreColumnName)
    {
        ArgumentNullException.ThrowIfNull(data);
        DataViewSchema.Column label = LabelColumn.Find(data.Schema, labelColumnName, "Label column"), score = DataViewColumns.Require(data.Schema, scoreColumnName, "Score column");
        if (score.Type is not VectorDataViewType { ItemType: NumberDataViewType item } vector || item != NumberDataViewType.Single)
        {
            throw new ArgumentException($"Score column '{scoreColumnName}' has type {score.Type}, expected a vector of Single, a probability for each class. Score the data with the model first.");
        }

        ulong keys = ((KeyDataViewType)label.Type).Count;
        if ((ulong)vector.Size != keys)
        {
            throw new ArgumentException($"Score column '{scoreColumnName}' has {vector.Size} classes and label column '{labelColumnName}' {keys}, expected the same number.");
        }

        List<int> labels = [];
        List<float[]> scores = [];
        using DataViewRowCursor cursor = data.GetRowCursor([label, score]);
        Func<int> getLabel = LabelColumn.Getter(cursor, cursor.Schema[label.Index]);
        ValueGetter<VBuffer<float>> getScore = cursor.GetGetter<VBuffer<float>>(cursor.Schema[score.Index]);
        VBuffer<float> values = default;
        while (cursor.MoveNext())
        {
            int row = getLabel();
            getScore(ref values);
            float[] probabilities = [.. values.DenseValues()];
            if (row != LabelColumn.Missing && !probabilities.Any(float.IsNaN))
            {
                labels.Add(row);
                scores.Add(probabilities);
            }
        }

        return labels.Count > 0
            ? new ScoredRows(labels, scores)
            : throw new InvalidOperationException("No row has both a label that the model knows and scores.");
    }

    /// <summary>The most probable class of each row, the first of several; its probability; and whether it is right.</summary>
    public IEnumerable<(float Confidence, bool IsCorrect)> Predictions()
    {
        for (int i = 0; i < Labels.Count; i++)
        {
            int best = Array.IndexOf(Scores[i], Scores[i].Max());
            yield return (Scores[i][best], best == Labels[i]);
        }
    }
}
