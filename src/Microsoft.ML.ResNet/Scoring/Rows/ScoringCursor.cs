using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// Walks the rows of the input once. While the images of one batch are scored and its rows are read, a background thread reads
/// those of the next, which several threads decode, and keeps what passes through: image and columns of a row come from the same step.
/// </summary>
/// <param name="passed">The columns that pass through; <see cref="PassedColumn.CanKeep"/> holds for each.</param>
/// <param name="input">Gives these and the images; read by one thread at a time.</param>
internal sealed class ScoringCursor(ScoringRowMapper mapper, DataViewSchema.Column[] active, DataViewSchema.Column[] passed, DataViewRowCursor input)
    : DataViewRowCursor
{
    private readonly int _capacity = mapper.Scorer.BatchSize;
    private readonly bool[] _isActive = ScoringRowMapper.ActiveFlags(mapper.OutputSchema, active);
    private readonly ImageRowReader _reader = mapper.CreateReader(input);
    private readonly ValueGetter<DataViewRowId> _getId = input.GetIdGetter();
    private readonly Dictionary<int, PassedColumn> _passed = passed.DistinctBy(column => column.Index)
        .ToDictionary(column => column.Index, column => PassedColumn.Create(input, column, 2 * mapper.Scorer.BatchSize));
    private readonly Origin[] _origins = new Origin[2 * mapper.Scorer.BatchSize];
    private ScoreBuffer? _buffer;
    private ScoreBuffer? _next;
    private Task? _filling;
    private int _half = 1;
    private int _current = -1;
    private bool _isOver;

    public override DataViewSchema Schema => mapper.OutputSchema;

    public override long Position => IsOnRow ? _origins[Place()].Position : -1;

    public override long Batch => IsOnRow ? _origins[Place()].Batch : 0;

    private bool IsOnRow => _buffer is not null && !_isOver;

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = IsOnRow
        ? _origins[Place()].Id
        : throw new InvalidOperationException("The cursor is on no row. Call MoveNext first.");

    public override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

    public override bool MoveNext()
    {
        if (!_isOver && (_buffer is null || ++_current >= _buffer.Count))
        {
            _isOver = !NextBatch();
            _current = 0;
        }

        return !_isOver;
    }

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        if (!IsColumnActive(column))
        {
            throw new InvalidOperationException($"Column '{column.Name}' is not active in this cursor.");
        }

        return mapper.IsOutput(column)
            ? mapper.CreateGetter<TValue>(column, () => (_buffer!, _current))
            : _passed[column.Index].CreateGetter(Place) as ValueGetter<TValue>
                ?? throw new InvalidOperationException($"Column '{column.Name}' has type {column.Type}, but was asked for as {typeof(TValue)}.");
    }

    /// <summary>Where what is kept of the current row lies.</summary>
    private int Place() => IsOnRow
        ? (_half * _capacity) + _current
        : throw new InvalidOperationException("The cursor is on no row. Call MoveNext first.");

    private bool NextBatch()
    {
        if (_next is null)
        {
            _next = mapper.CreateBuffer(_capacity);
            Fill(_next, 0);
        }

        _filling?.GetAwaiter().GetResult();
        _filling = null;
        ScoreBuffer? done = _buffer;
        (_buffer, _half) = (_next, 1 - _half);
        if (_buffer.Count == 0)
        {
            return false;
        }

        _next = done ?? mapper.CreateBuffer(_capacity);
        _next.Clear();
        if (_buffer.Count == _capacity)
        {
            ScoreBuffer target = _next;
            int half = 1 - _half;
            _filling = Task.Run(() => Fill(target, half));
        }

        _buffer.Score();
        return true;
    }

    private void Fill(ScoreBuffer buffer, int half)
    {
        buffer.Clear();
        int threads = mapper.Scorer.DecodingThreads;
        while (buffer.Count < buffer.Capacity && input.MoveNext())
        {
            int place = (half * _capacity) + buffer.Count;
            DataViewRowId id = default;
            _getId(ref id);
            _origins[place] = new Origin(input.Position, input.Batch, id);
            foreach (PassedColumn column in _passed.Values)
            {
                column.Keep(place);
            }

            if (threads == 1)
            {
                buffer.Add(_reader);
            }
            else
            {
                buffer.Take(_reader);
            }
        }

        if (threads > 1)
        {
            buffer.ReadTaken(threads);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // Wait for the pending read; ignore its outcome.
            (_filling as IAsyncResult)?.AsyncWaitHandle.WaitOne();
            input.Dispose();
        }

        base.Dispose(disposing);
    }

    private readonly record struct Origin(long Position, long Batch, DataViewRowId Id);
}
