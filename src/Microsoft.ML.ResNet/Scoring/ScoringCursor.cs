using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// Walks the rows of the input; a second cursor runs up to two batches ahead. While the images of one batch are scored and its rows are
/// read, a background thread reads and decodes those of the next.
/// </summary>
/// <param name="rows">Gives positions and the columns that are passed through.</param>
/// <param name="ahead">Gives the images, or null where no score is asked for.</param>
internal sealed class ScoringCursor(ScoringRowMapper mapper, DataViewSchema.Column[] active, DataViewRowCursor rows, DataViewRowCursor? ahead)
    : DataViewRowCursor
{
    private readonly bool[] _isActive = ScoringRowMapper.ActiveFlags(mapper.OutputSchema, active);
    private readonly ImageRowReader? _reader = ahead is null ? null : mapper.CreateReader(ahead);
    private ScoreBuffer? _buffer;
    private ScoreBuffer? _next;
    private Task? _filling;
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

        if (_reader is not null && (_buffer is null || ++_current >= _buffer.Count))
        {
            NextBatch();
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

    private void NextBatch()
    {
        if (_buffer is null)
        {
            // The first batch: the rows have begun to be read, so that an empty input has no buffers.
            _buffer = mapper.CreateBuffer(mapper.Scorer.BatchSize);
            _next = mapper.CreateBuffer(mapper.Scorer.BatchSize);
            Fill(_next);
        }

        _filling?.GetAwaiter().GetResult();
        _filling = null;
        (_buffer, _next) = (_next!, _buffer);
        if (_buffer.Count == 0)
        {
            throw new InvalidOperationException("The input of ResNet gave fewer rows the second time it was read, expected the same rows in the same order each time.");
        }

        if (_buffer.Count == _buffer.Capacity)
        {
            ScoreBuffer target = _next;
            _filling = Task.Run(() => Fill(target));
        }
        else
        {
            _next.Clear();
        }

        _buffer.Score();
    }

    private void Fill(ScoreBuffer buffer)
    {
        buffer.Clear();
        while (buffer.Count < buffer.Capacity && ahead!.MoveNext())
        {
            buffer.Add(_reader!);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Wait without asking how it went: nobody wants those rows any more.
            (_filling as IAsyncResult)?.AsyncWaitHandle.WaitOne();
            rows.Dispose();
            ahead?.Dispose();
        }

        base.Dispose(disposing);
    }
}
