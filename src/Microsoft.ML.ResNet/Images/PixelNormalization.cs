using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Images;

/// <summary>How NormalizePixels changed a column: <c>output = (input * Scale - Mean[channel]) / StandardDeviation[channel]</c>.</summary>
internal sealed record PixelNormalization(float Scale, IReadOnlyList<float> Mean, IReadOnlyList<float> StandardDeviation)
{
    /// <summary>The annotation of a normalised column: a vector of Single with the scale, the means and the deviations.</summary>
    public const string AnnotationKind = "PixelNormalization";

    /// <summary>The largest difference between two normalised values of one pixel, relative to the difference between black and white.</summary>
    private const double Tolerance = 0.05;

    [JsonIgnore]
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

    /// <summary>Whether a mean and a deviation of pixels of 0 to 1 give nearly the same values.</summary>
    public bool IsLike(IReadOnlyList<float> mean, IReadOnlyList<float> deviation)
    {
        return Enumerable.Range(0, Channels).All(channel => Math.Max(Difference(0, channel), Difference(1, channel)) <= Tolerance);

        double Difference(double value, int channel)
            => Math.Abs(((value - Mean[channel]) / StandardDeviation[channel]) - ((value - mean[channel]) / deviation[channel])) * deviation[channel];
    }

    /// <summary>Whether a file's numbers can be used.</summary>
    public bool IsValid(int channels)
        => float.IsFinite(Scale) && Mean is not null && StandardDeviation is not null && Mean.Count == channels && StandardDeviation.Count == channels
            && Mean.All(float.IsFinite) && StandardDeviation.All(value => value > 0 && float.IsFinite(value));

    /// <summary>For errors: "mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225".</summary>
    public override string ToString() => Text(Mean, StandardDeviation);

    public static string Text(IEnumerable<float> mean, IEnumerable<float> deviation)
    {
        return $"mean {Join(mean)} and standard deviation {Join(deviation)}";

        static string Join(IEnumerable<float> values) => string.Join(", ", values.Select(value => value.ToString("G4", CultureInfo.InvariantCulture)));
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
