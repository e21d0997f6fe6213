using System.Globalization;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// The rows of a data set without their pixels. Paths are read together with labels and weights, and no second pass is needed. Other
/// images are read in a second pass, with labels and weights of their own; the first then serves to find faults before
/// anything is decoded, and <see cref="CheckSame"/> tells whether the second gave the same rows.
/// </summary>
/// <param name="Entries">The rows that have a label, with their paths; null where images are no files.</param>
internal sealed record LabeledRows(LabelColumn Labels, LabeledRowColumns Columns, IReadOnlyList<ImageEntry>? Entries)
{
    /// <summary>Reads labels, weights and paths; no image is opened.</summary>
    /// <param name="image">The image column.</param>
    /// <param name="imageFolder">What relative paths are relative to.</param>
    /// <exception cref="ArgumentException">A column is missing or of the wrong type.</exception>
    /// <exception cref="InvalidOperationException">No row has a label, or all weights are 0.</exception>
    /// <exception cref="InvalidDataException">A weight is negative or not finite.</exception>
    public static LabeledRows Read(IDataView data, LabeledRowColumns columns, ImageColumn image, string? imageFolder, Action checkCancelled)
    {
        DataViewSchema.Column label = LabelColumn.Find(data.Schema, columns.Label, columns.LabelRole);
        DataViewSchema.Column? paths = image.Kind == FeatureKind.Path ? image.Bind(data.Schema) : null;
        List<int> classes = [];
        List<ImageEntry>? entries = paths is null ? null : [];
        bool hasWeight = false;
        using (var cursor = new LabeledRowCursor(data, columns, paths, checkCancelled))
        {
            ValueGetter<ReadOnlyMemory<char>>? getPath = paths is { } source ? FeatureGetter.Of<ReadOnlyMemory<char>>(cursor.Values, source, () => cursor.Row) : null;
            ReadOnlyMemory<char> path = default;
            while (cursor.MoveNext())
            {
                classes.Add(cursor.Label);
                if (cursor.Label == LabelColumn.Missing)
                {
                    continue;
                }

                hasWeight |= cursor.Weight > 0;
                if (getPath is not null)
                {
                    getPath(ref path);
                    entries!.Add(new ImageEntry(cursor.Row, cursor.Label, cursor.Weight, ImageFile.Of(ImagePath.Combine(path, imageFolder))));
                }
            }
        }

        LabelColumn labels = LabelColumn.Of(label, columns.LabelRole, [.. classes]);
        return hasWeight
            ? new LabeledRows(labels, columns, entries)
            : throw new InvalidOperationException($"Example weight column '{columns.Weight}' is 0 in all rows with a label, expected some above 0.");
    }

    /// <summary>Compares the rows that gave the images with these, whatever their order.</summary>
    /// <param name="classes">The classes of all rows of the second pass.</param>
    /// <exception cref="InvalidOperationException">They are others.</exception>
    public void CheckSame(IReadOnlyList<int> classes)
    {
        int rows = Labels.Classes.Length;
        if (classes.Count != rows)
        {
            throw Changed($"{rows} rows", $"{classes.Count}");
        }

        int[] first = Count(Labels.Classes), second = Count(classes);
        int changed = Enumerable.Range(0, first.Length).FirstOrDefault(label => first[label] != second[label], -1);
        if (changed >= 0)
        {
            string name = changed == Labels.ClassCount ? "without a label" : $"of class '{LabelValues.Of(Labels.Column, Labels.ClassCount).Names[changed]}'";
            throw Changed($"{first[changed]} rows {name}", $"{second[changed]}");
        }
    }

    /// <summary>Stops a second pass that gives more rows than the first, before it decodes them all.</summary>
    /// <exception cref="InvalidOperationException">There are more.</exception>
    public void CheckCount(int soFar)
    {
        if (soFar > Labels.Classes.Length)
        {
            throw Changed($"{Labels.Classes.Length} rows", "more");
        }
    }

    private InvalidOperationException Changed(string first, string second) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"The data gave {first} when label column '{Columns.Label}' was checked and {second} when its images were read, expected the same rows each time. Keep the rows in a list, or cache them: mlContext.Data.Cache(data), or AppendCacheCheckpoint(mlContext) before the trainer."));

    /// <summary>The rows of each class, then those without a label.</summary>
    private int[] Count(IEnumerable<int> classes)
    {
        int[] counts = new int[Labels.ClassCount + 1];
        foreach (int label in classes)
        {
            counts[label == LabelColumn.Missing ? Labels.ClassCount : label]++;
        }

        return counts;
    }
}
