using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Walks the rows of the input; what is added is computed when it is asked for.</summary>
internal sealed class RowMappedCursor(IRowToRowMapper mapper, DataViewRowCursor input, DataViewSchema.Column[] active) : DataViewRowCursor
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
