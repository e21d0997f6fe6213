using Microsoft.ML.ResNet.Datasets;

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
        IEnumerable<DataViewSchema.Column> dependencies = mapper.GetDependencies(needed);
        DataViewRowCursor rows = passed.Length == needed.Length ? input.GetRowCursor(dependencies, rand) : SequentialCursor.Open(input, dependencies, rand);
        try
        {
            // What can't be kept for a batch is passed on row by row, and scored so.
            return passed.Length == needed.Length || !Array.TrueForAll(passed, PassedColumn.CanKeep)
                ? new RowMappedCursor(mapper, rows, needed)
                : new ScoringCursor(mapper, needed, passed, rows);
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
