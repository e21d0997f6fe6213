namespace Microsoft.ML.ResNet.Datasets;

/// <summary>
/// Walks the rows of a data set and reads class, weight and image of each in the same step, so that a source that gives its rows in
/// another order each time can't part them.
/// </summary>
internal sealed class LabeledRowCursor : IDisposable
{
    private readonly Func<int> _getLabel;
    private readonly Func<int, float>? _getWeight;
    private readonly Action _checkCancelled;
    private readonly IDataView _data;
    private readonly DataViewSchema.Column? _image;

    /// <param name="image">The image column, or null where labels and weights are enough.</param>
    /// <param name="checkCancelled">Called now and then; throws to stop.</param>
    /// <param name="isSequential">Whether the reading must go on after a row whose image can't be computed.</param>
    /// <exception cref="ArgumentException">The label or the weight column is missing or of the wrong type.</exception>
    public LabeledRowCursor(IDataView data, LabeledRowColumns columns, DataViewSchema.Column? image, Action checkCancelled, bool isSequential = false)
    {
        DataViewSchema.Column label = LabelColumn.Find(data.Schema, columns.Label, columns.LabelRole);
        DataViewSchema.Column? weight = columns.Weight is { } name ? ExampleWeightColumn.Find(data.Schema, name) : null;
        DataViewSchema.Column[] needed = [label, .. weight is { } w ? [w] : Array.Empty<DataViewSchema.Column>(), .. image is { } i ? [i] : Array.Empty<DataViewSchema.Column>()];
        IEnumerable<DataViewSchema.Column> distinct = needed.DistinctBy(column => column.Index);
        Values = isSequential ? SequentialCursor.Open(data, distinct) : data.GetRowCursor(distinct);
        _getLabel = LabelColumn.Getter(Values, label);
        _getWeight = weight is { } found ? ExampleWeightColumn.Getter(Values, found) : null;
        _checkCancelled = checkCancelled;
        _data = data;
        _image = image;
    }

    /// <summary>The cursor, for the image of the current row.</summary>
    public DataViewRowCursor Values { get; }

    /// <summary>The current row, counted from 0; before the first, -1.</summary>
    public int Row { get; private set; } = -1;

    /// <summary>The class of the current row, or <see cref="LabelColumn.Missing"/>.</summary>
    public int Label { get; private set; }

    /// <summary>The weight of the current row; 1 where there is no column of weights.</summary>
    public float Weight { get; private set; }

    /// <exception cref="InvalidDataException">The row's weight is negative or not finite, or a transform failed at its image.</exception>
    public bool MoveNext()
    {
        try
        {
            if (!Values.MoveNext())
            {
                return false;
            }
        }
        catch (Exception exception) when (_image is not null && FeatureGetter.IsOfTheRow(exception))
        {
            SequentialCursor.FindFault(_data, _image.Value, _checkCancelled);
            throw;
        }

        if (++Row % 256 == 0)
        {
            _checkCancelled();
        }

        Label = _getLabel();
        Weight = _getWeight?.Invoke(Row) ?? 1;
        return true;
    }

    public void Dispose() => Values.Dispose();
}

/// <summary>The columns that say what the image of a row is and how much it counts.</summary>
/// <param name="LabelRole">Begins an error: "Label column", "Label column of the validation set".</param>
/// <param name="Weight">The column of weights, or null where all rows count the same.</param>
internal sealed record LabeledRowColumns(string Label, string LabelRole, string? Weight = null);
