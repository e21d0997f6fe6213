namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A data set with its scores: the rows of the input, scored in batches as they are read. Nothing is scored before it is asked for.</summary>
internal sealed class ScoredDataView(IDataView input, ScoringRowMapper mapper) : IDataView
{
    public DataViewSchema Schema => mapper.OutputSchema;

    public bool CanShuffle => input.CanShuffle;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        DataViewSchema.Column[] passed = [.. needed.Where(column => !mapper.IsOutput(column)).Select(column => input.Schema[column.Index])];
        if (passed.Length == needed.Length)
        {
            return new ScoringCursor(mapper, needed, input.GetRowCursor(passed, rand), ahead: null);
        }

        // A second cursor runs ahead of the first to fill batches; both must give the rows in the same order.
        int seed = rand?.Next() ?? 0;
        Random? Same() => rand is null ? null : new Random(seed);
        DataViewRowCursor rows = input.GetRowCursor(passed, Same());
        try
        {
            return new ScoringCursor(mapper, needed, rows, input.GetRowCursor([mapper.FeatureColumn], Same()));
        }
        catch
        {
            rows.Dispose();
            throw;
        }
    }

    /// <summary>One cursor: the network uses all processors for a batch, so that several cursors would gain nothing.</summary>
    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
        => [GetRowCursor(columnsNeeded, rand)];
}
