using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Walks the rows of the input; a second cursor runs up to a batch ahead, whose images are scored together.</summary>
/// <param name="rows">Gives positions and the columns that are passed through.</param>
/// <param name="ahead">Gives the images, or null where no score is asked for.</param>
internal sealed class ScoringCursor(ScoringRowMapper mapper, DataViewSchema.Column[] active, DataViewRowCursor rows, DataViewRowCursor? ahead)
    : DataViewRowCursor
{
    private readonly bool[] _isActive = ScoringRowMapper.ActiveFlags(mapper.OutputSchema, active);
    private readonly ImageRowReader? _reader = ahead is null ? null : mapper.CreateReader(ahead);
    private readonly ScoreBuffer? _buffer = ahead is null ? null : mapper.CreateBuffer(mapper.Scorer.BatchSize);
    private int _current = -1;

    public override DataViewSchema Schema => mapper.OutputSchema;

    public override long Position => rows.Position;

    public override long Batch => rows.Batch;

    public override ValueGetter<DataViewRowId> GetIdGetter() => rows.GetIdGetter();

    public override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

    public override bool MoveNext()
    {
        if (!rows.MoveNext())
        {
            return false;
        }

        if (_buffer is not null && ++_current >= _buffer.Count)
        {
            FillBuffer(_buffer, _reader!);
            _current = 0;
        }

        return true;
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
        {
            throw new InvalidOperationException($"Column '{column.Name}' is not active in this cursor.");
        }

        return mapper.IsOutput(column)
            ? mapper.CreateGetter<TValue>(column, () => (_buffer!, _current))
            : rows.GetGetter<TValue>(rows.Schema[column.Index]);
    }

    private void FillBuffer(ScoreBuffer buffer, ImageRowReader reader)
    {
        buffer.Clear();
        while (buffer.Count < buffer.Capacity && ahead!.MoveNext())
        {
            buffer.Add(reader);
        }

        if (buffer.Count == 0)
        {
            throw new InvalidOperationException("The input of ResNet gave fewer rows the second time it was read, expected the same rows in the same order each time.");
        }

        buffer.Score();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            rows.Dispose();
            ahead?.Dispose();
        }

        base.Dispose(disposing);
    }
}
