using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A data set with the columns that a mapper adds, computed row by row as they are read.</summary>
internal sealed class RowMappedDataView(IDataView input, IRowToRowMapper mapper) : IDataView
{
    public DataViewSchema Schema => mapper.OutputSchema;

    public bool CanShuffle => input.CanShuffle;

    public long? GetRowCount() => input.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return new Cursor(mapper, input.GetRowCursor(mapper.GetDependencies(needed), rand), needed);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        DataViewSchema.Column[] needed = [.. columnsNeeded];
        return [.. input.GetRowCursorSet(mapper.GetDependencies(needed), n, rand).Select(cursor => new Cursor(mapper, cursor, needed))];
    }

    private sealed class Cursor(IRowToRowMapper mapper, DataViewRowCursor input, DataViewSchema.Column[] active) : DataViewRowCursor
    {
        private readonly DataViewRow _row = mapper.GetRow(input, active);

        public override DataViewSchema Schema => mapper.OutputSchema;

        public override long Position => input.Position;

        public override long Batch => input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => _row.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => _row.GetGetter<TValue>(column);

        public override bool MoveNext() => input.MoveNext();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _row.Dispose();
                input.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
