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

    /// <param name="model">Makes the label column where the data have none. It scores nothing, as no score is read.</param>
    public static DataSummary Of(MLContext mlContext, ITransformer model, IDataView data, ResNetTransformer network, int samplesPerClass)
    {
        string labelName = network.LabelColumnName;
        IDataView labeled = data.Schema.GetColumnOrNull(labelName) is null ? WithLabel(model, data, labelName) : data;
        IDataView readable = labeled.Schema[labelName].Type is KeyDataViewType ? mlContext.Transforms.Conversion.MapKeyToValue(labelName).Fit(labeled).Transform(labeled) : labeled;
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
    /// <summary>The data by the model's own chain, such as <c>MapValueToKey("LabelKey", "Label")</c>.</summary>
    private static IDataView WithLabel(ITransformer model, IDataView data, string labelName)
    {
        Exception? fault = null;
        try
        {
            IDataView mapped = model.Transform(data);
            if (mapped.Schema.GetColumnOrNull(labelName) is not null)
            {
                return mapped;
            }
        }
        catch (ArgumentException exception)
        {
            // A column is missing that the chain makes the label of.
            fault = exception;
        }

        throw new ArgumentException(
            $"The training data have no label column '{labelName}', and the model makes none of them. They have {string.Join(", ", data.Schema.Select(column => column.Name))}.", fault);
    }
}
