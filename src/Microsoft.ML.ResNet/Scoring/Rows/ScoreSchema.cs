using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>The two output columns with the annotations that ML.NET's evaluators, key mapping and tools look for.</summary>
internal sealed class ScoreSchema : IOutputColumns
{
    // The kinds and values are those of ML.NET's own multiclass scorers.
    private const string SlotNames = "SlotNames";
    private const string KeyValues = "KeyValues";
    private const string TrainingLabelValues = "TrainingLabelValues";
    private const string ScoreColumnSetId = "ScoreColumnSetId";
    private const string ScoreColumnKind = "ScoreColumnKind";
    private const string ScoreValueKind = "ScoreValueKind";
    private const string Multiclass = "MulticlassClassification";

    public ScoreSchema(DataViewSchema input, LabelValues labels, string scoreName, string predictedLabelName)
    {
        uint setId = NextSetId(input);
        var predictedLabel = new DataViewSchema.Annotations.Builder();
        labels.AddTo(predictedLabel, KeyValues);
        AddScoreAnnotations(predictedLabel, setId, valueKind: "PredictedLabel");

        var score = new DataViewSchema.Annotations.Builder();
        score.Add(
            SlotNames,
            new VectorDataViewType(TextDataViewType.Instance, labels.Count),
            (ref VBuffer<ReadOnlyMemory<char>> names) => new VBuffer<ReadOnlyMemory<char>>(labels.Count, [.. labels.Names.Select(name => name.AsMemory())]).CopyTo(ref names));
        labels.AddTo(score, TrainingLabelValues);
        AddScoreAnnotations(score, setId, valueKind: "Score");

        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        builder.AddColumn(predictedLabelName, new KeyDataViewType(typeof(uint), labels.Count), predictedLabel.ToAnnotations());
        builder.AddColumn(scoreName, new VectorDataViewType(NumberDataViewType.Single, labels.Count), score.ToAnnotations());
        Schema = builder.ToSchema();
        InputColumnCount = input.Count;
    }

    public DataViewSchema Schema { get; }

    public int InputColumnCount { get; }

    public Delegate CreateGetter(DataViewSchema.Column column, Func<(ScoreBuffer Buffer, int Row)> locate)
        => column.Index == InputColumnCount
            ? (ValueGetter<uint>)((ref uint value) =>
            {
                var (buffer, row) = locate();
                value = buffer.GetPredictedLabel(row);
            })
            : (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
            {
                var (buffer, row) = locate();
                buffer.GetVector(row, ref value);
            });

    private static void AddScoreAnnotations(DataViewSchema.Annotations.Builder annotations, uint setId, string valueKind)
    {
        annotations.AddPrimitiveValue(ScoreColumnSetId, new KeyDataViewType(typeof(uint), int.MaxValue), setId);
        annotations.AddPrimitiveValue(ScoreColumnKind, TextDataViewType.Instance, Multiclass.AsMemory());
        annotations.AddPrimitiveValue(ScoreValueKind, TextDataViewType.Instance, valueKind.AsMemory());
    }

    /// <summary>One above the highest in use: columns of one scorer share a number.</summary>
    private static uint NextSetId(DataViewSchema input)
    {
        uint highest = 0;
        foreach (DataViewSchema.Column column in input)
        {
            if (column.Annotations.Schema.GetColumnOrNull(ScoreColumnSetId)?.Type is KeyDataViewType type && type.RawType == typeof(uint))
            {
                uint id = 0;
                column.Annotations.GetValue(ScoreColumnSetId, ref id);
                highest = Math.Max(highest, id);
            }
        }

        return highest + 1;
    }
}
