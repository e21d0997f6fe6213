using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;

namespace Microsoft.ML.ResNet.DataQuality;

/// <summary>Features of images, with names and labels.</summary>
/// <param name="Features">[N, FeatureCount], row by row.</param>
/// <param name="Rows">The numbers of the rows in the data.</param>
/// <param name="Names">The text by which each row is named; empty where there is none.</param>
/// <param name="Labels">The class of each row, counted from 0; empty where none were asked for.</param>
/// <param name="ClassNames">The classes.</param>
internal sealed record FeatureRows(float[] Features, int FeatureCount, IReadOnlyList<long> Rows, IReadOnlyList<string> Names, int[] Labels, IReadOnlyList<string> ClassNames)
{
    /// <param name="labelColumnName">Null: no labels are read, and every row is taken.</param>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    public static FeatureRows Read(IDataView data, string featureColumnName, string nameColumnName, string? labelColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        DataViewSchema.Column features = DataViewColumns.Require(data.Schema, featureColumnName, "Feature column");
        if (features.Type is not VectorDataViewType { ItemType: NumberDataViewType item, IsKnownSize: true } vector || item != NumberDataViewType.Single)
        {
            throw new ArgumentException($"Feature column '{featureColumnName}' has type {features.Type}, expected a vector of Single of known size. Add ResNetFeatures(\"{featureColumnName}\", \"ImagePath\", ResNetWeights.ImageNet()) before.");
        }

        DataViewSchema.Column? name = data.Schema.GetColumnOrNull(nameColumnName) is { Type: TextDataViewType } text ? text : null;
        DataViewSchema.Column? label = labelColumnName is null ? null : DataViewColumns.Require(data.Schema, labelColumnName, "Label column");
        List<DataViewSchema.Column> columns = [features];
        columns.AddRange(new[] { name, label }.OfType<DataViewSchema.Column>());
        using DataViewRowCursor cursor = data.GetRowCursor(columns);
        ValueGetter<VBuffer<float>> getFeatures = cursor.GetGetter<VBuffer<float>>(cursor.Schema[features.Index]);
        Func<string> getName = name is { } named ? TextGetter(cursor, cursor.Schema[named.Index]) : () => "";
        List<string> classNames = [];
        Func<int> getLabel = label is { } labelled ? LabelGetter(cursor, cursor.Schema[labelled.Index], classNames) : () => 0;

        List<float> values = [];
        List<long> rows = [];
        List<string> names = [];
        List<int> labels = [];
        VBuffer<float> buffer = default;
        while (cursor.MoveNext())
        {
            int own = getLabel();
            getFeatures(ref buffer);
            if (own == LabelColumn.Missing || buffer.GetValues().ContainsAnyExceptInRange(float.MinValue, float.MaxValue))
            {
                // No label, or an image that couldn't be read.
                continue;
            }

            values.AddRange(buffer.DenseValues());
            rows.Add(cursor.Position);
            names.Add(getName());
            labels.Add(own);
        }

        return new FeatureRows([.. values], vector.Size, rows, names, label is null ? [] : [.. labels], classNames);
    }

    private static Func<string> TextGetter(DataViewRow row, DataViewSchema.Column column)
    {
        ValueGetter<ReadOnlyMemory<char>> getter = row.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> text = default;
        return () =>
        {
            getter(ref text);
            return text.ToString();
        };
    }

    /// <summary>The classes of keys are those of the keys, in their order; those of text come as they are met.</summary>
    private static Func<int> LabelGetter(DataViewRow row, DataViewSchema.Column column, List<string> classNames)
    {
        if (column.Type is not TextDataViewType)
        {
            DataViewSchema.Column keys = LabelColumn.Find(row.Schema, column.Name, "Label column");
            classNames.AddRange(LabelValues.Of(keys, (int)((KeyDataViewType)keys.Type).Count).Names);
            return LabelColumn.Getter(row, keys);
        }

        Func<string> getText = TextGetter(row, column);
        Dictionary<string, int> numbers = new(StringComparer.Ordinal);
        return () =>
        {
            string text = getText();
            if (text.Length == 0)
            {
                return LabelColumn.Missing;
            }

            if (!numbers.TryGetValue(text, out int number))
            {
                numbers[text] = number = classNames.Count;
                classNames.Add(text);
            }

            return number;
        };
    }
}
