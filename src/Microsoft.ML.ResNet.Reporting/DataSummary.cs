using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Reporting;

/// <summary>What there is to say about a data set: images of each class, their sizes, and some of them.</summary>
/// <param name="Counts">The images of each class, in the model's order.</param>
/// <param name="Samples">Some images of each class.</param>
/// <param name="Sizes">The sizes of the images that were looked at, the smallest, the median and the largest by their area; null where they can't be told.</param>
internal sealed record DataSummary(int[] Counts, IReadOnlyList<ImageContent>[] Samples, (SKSizeI Smallest, SKSizeI Median, SKSizeI Largest)? Sizes)
{
    private const int MeasuredImages = 1000;

    public int Total => Counts.Sum();

    public static DataSummary Of(MLContext mlContext, IDataView data, ResNetTransformer network, int samplesPerClass)
    {
        string labelName = network.LabelColumnName;
        IDataView readable = data.Schema.GetColumnOrNull(labelName) switch
        {
            null => throw new ArgumentException($"The training data have no label column '{labelName}'. They have {string.Join(", ", data.Schema.Select(column => column.Name))}."),
            { Type: KeyDataViewType } => mlContext.Transforms.Conversion.MapKeyToValue(labelName).Fit(data).Transform(data),
            _ => data,
        };
        IDataView texts = readable.Schema[labelName].Type is TextDataViewType
            ? readable
            : mlContext.Transforms.Conversion.ConvertType(labelName, outputKind: DataKind.String).Fit(readable).Transform(readable);
        Dictionary<string, int> indices = network.ClassNames.Select((name, index) => (name, index)).ToDictionary(pair => pair.name, pair => pair.index, StringComparer.Ordinal);
        ImageSource source = ImageSource.Of(texts.Schema, network.FeatureColumnName);
        int[] counts = new int[indices.Count];
        List<ImageContent>[] samples = [.. counts.Select(_ => new List<ImageContent>())];
        List<SKSizeI> sizes = [];
        string[] columns = source.IsNone ? [labelName] : [labelName, network.FeatureColumnName];
        using DataViewRowCursor cursor = texts.GetRowCursor(texts.Schema.Where(column => columns.Contains(column.Name)));
        ValueGetter<ReadOnlyMemory<char>> readLabel = cursor.GetGetter<ReadOnlyMemory<char>>(cursor.Schema[labelName]);
        Func<ImageContent?> readImage = source.Reader(cursor);
        ReadOnlyMemory<char> label = default;
        while (cursor.MoveNext())
        {
            readLabel(ref label);
            if (!indices.TryGetValue(label.ToString(), out int index))
            {
                continue;
            }

            counts[index]++;
            bool isSample = samples[index].Count < samplesPerClass, isMeasured = sizes.Count < MeasuredImages;
            if ((isSample || isMeasured) && readImage() is { } image)
            {
                if (isSample)
                {
                    samples[index].Add(image);
                }

                if (isMeasured && Thumbnail.SizeOf(image) is { } size)
                {
                    sizes.Add(size);
                }
            }
        }

        SKSizeI[] ordered = [.. sizes.OrderBy(size => (long)size.Width * size.Height)];
        return new DataSummary(counts, samples, ordered.Length == 0 ? null : (ordered[0], ordered[ordered.Length / 2], ordered[^1]));
    }
}
