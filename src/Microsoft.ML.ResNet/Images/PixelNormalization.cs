using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>How NormalizePixels changed a column: <c>output = (input * Scale - Mean[channel]) / StandardDeviation[channel]</c>.</summary>
internal sealed record PixelNormalization(float Scale, IReadOnlyList<float> Mean, IReadOnlyList<float> StandardDeviation)
{
    /// <summary>The annotation of a normalised column: a vector of Single with the scale, the means and the deviations.</summary>
    public const string AnnotationKind = "PixelNormalization";

    public int Channels => Mean.Count;

    /// <summary>What a column's annotation says, or null where it has none.</summary>
    public static PixelNormalization? Of(DataViewSchema.Column column)
    {
        if (column.Annotations.Schema.GetColumnOrNull(AnnotationKind)?.Type is not VectorDataViewType { ItemType: NumberDataViewType item } || item != NumberDataViewType.Single)
        {
            return null;
        }

        VBuffer<float> buffer = default;
        column.Annotations.GetValue(AnnotationKind, ref buffer);
        float[] values = [.. buffer.DenseValues()];
        int channels = (values.Length - 1) / 2;
        return values.Length == (2 * channels) + 1 && channels > 0
            ? new PixelNormalization(values[0], values[1..(channels + 1)], values[(channels + 1)..])
            : null;
    }

    public void AddTo(DataViewSchema.Annotations.Builder annotations)
    {
        float[] values = [Scale, .. Mean, .. StandardDeviation];
        annotations.Add(
            AnnotationKind,
            new VectorDataViewType(NumberDataViewType.Single, values.Length),
            (ref VBuffer<float> destination) => new VBuffer<float>(values.Length, values).CopyTo(ref destination));
    }
}
