using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>The one output column of features: a vector of known size.</summary>
internal sealed class FeatureSchema : IOutputColumns
{
    public FeatureSchema(DataViewSchema input, string outputName, int featureCount)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(input);
        builder.AddColumn(outputName, new VectorDataViewType(NumberDataViewType.Single, featureCount));
        Schema = builder.ToSchema();
        InputColumnCount = input.Count;
    }

    public DataViewSchema Schema { get; }

    public int InputColumnCount { get; }

    public Delegate CreateGetter(DataViewSchema.Column column, Func<(ScoreBuffer Buffer, int Row)> locate)
        => (ValueGetter<VBuffer<float>>)((ref VBuffer<float> value) =>
        {
            var (buffer, row) = locate();
            buffer.GetVector(row, ref value);
        });
}
