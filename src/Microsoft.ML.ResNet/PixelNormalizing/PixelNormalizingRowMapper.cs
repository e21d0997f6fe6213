using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Scoring;

namespace Microsoft.ML.ResNet.PixelNormalizing;

/// <summary>Computes the normalised column of a row.</summary>
internal sealed class PixelNormalizingRowMapper : IRowToRowMapper
{
    private readonly ImageColumn _column;
    private readonly DataViewSchema.Column _input;
    private readonly float[] _scale;
    private readonly float[] _offset;

    public PixelNormalizingRowMapper(DataViewSchema inputSchema, string inputColumnName, string outputColumnName, PixelNormalization normalization)
    {
        InputSchema = inputSchema;
        _column = ImageColumn.Of(inputSchema, inputColumnName, PixelLayout.Auto);
        _input = inputSchema[inputColumnName];
        if (_column.Kind != FeatureKind.Pixels || _column.Channels != normalization.Channels)
        {
            throw new ArgumentException($"Column '{inputColumnName}' has type {_input.Type}, expected pixels of {normalization.Channels} channels, as NormalizePixels was made for.");
        }

        _scale = [.. normalization.StandardDeviation.Select(deviation => normalization.Scale / deviation)];
        _offset = [.. normalization.Mean.Zip(normalization.StandardDeviation, (mean, deviation) => -mean / deviation)];
        var annotations = new DataViewSchema.Annotations.Builder();
        normalization.AddTo(annotations);
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(inputSchema);
        builder.AddColumn(outputColumnName, new VectorDataViewType(NumberDataViewType.Single, ((VectorDataViewType)_input.Type).Dimensions.ToArray()), annotations.ToAnnotations());
        OutputSchema = builder.ToSchema();
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema { get; }

    private int OutputIndex => InputSchema.Count;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        HashSet<int> needed = [.. dependingColumns.Select(column => column.Index == OutputIndex ? _input.Index : column.Index)];
        return InputSchema.Where(column => needed.Contains(column.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) => new AddedColumnRow(OutputSchema, input, [.. activeColumns.Select(column => column.Index)], () => CreateGetter(input));

    private ValueGetter<VBuffer<float>> CreateGetter(DataViewRow input)
    {
        ValueGetter<VBuffer<float>> getter = input.GetGetter<VBuffer<float>>(_input);
        VBuffer<float> source = default;
        return (ref VBuffer<float> destination) =>
        {
            getter(ref source);
            VBufferEditor<float> editor = VBufferEditor.Create(ref destination, source.Length);
            PixelVector.CopyTo(in source, editor.Values, _column.Name, input.Position);
            Normalize(editor.Values);
            destination = editor.Commit();
        };
    }

    private void Normalize(Span<float> values)
    {
        if (_column.IsPlanar)
        {
            int plane = values.Length / _scale.Length;
            for (int channel = 0; channel < _scale.Length; channel++)
            {
                Span<float> part = values.Slice(channel * plane, plane);
                TensorPrimitives.Multiply(part, _scale[channel], part);
                TensorPrimitives.Add(part, _offset[channel], part);
            }

            return;
        }

        for (int i = 0; i < values.Length; i++)
        {
            int channel = i % _scale.Length;
            values[i] = (values[i] * _scale[channel]) + _offset[channel];
        }
    }
}
