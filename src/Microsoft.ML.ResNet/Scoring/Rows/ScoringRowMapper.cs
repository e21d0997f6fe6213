using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>Scores single rows, as <c>PredictionEngine</c> asks for them, and knows the columns that scoring reads and writes.</summary>
internal sealed class ScoringRowMapper : IRowToRowMapper
{
    private readonly ScoringModel _model;
    private readonly IOutputColumns _columns;

    public ScoringRowMapper(ScoringModel model, DataViewSchema inputSchema)
    {
        _model = model;
        InputSchema = inputSchema;
        FeatureColumn = model.Column.BindForScoring(inputSchema);
        _columns = model.CreateColumns(inputSchema);
    }

    public DataViewSchema InputSchema { get; }

    public DataViewSchema OutputSchema => _columns.Schema;

    public DataViewSchema.Column FeatureColumn { get; }

    public ImageScorer Scorer => _model.Scorer;

    public bool IsOutput(DataViewSchema.Column column) => column.Index >= _columns.InputColumnCount;

    public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns)
    {
        DataViewSchema.Column[] columns = [.. dependingColumns];
        HashSet<int> needed = [.. columns.Where(column => !IsOutput(column)).Select(column => column.Index)];
        if (columns.Any(IsOutput))
        {
            needed.Add(FeatureColumn.Index);
        }

        return InputSchema.Where(column => needed.Contains(column.Index));
    }

    public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        => new ScoredRow(this, input, ActiveFlags(OutputSchema, activeColumns));

    internal ImageRowReader CreateReader(DataViewRow row) => _model.CreateReader(row, FeatureColumn);

    internal ScoreBuffer CreateBuffer(int capacity) => new(_model.Scorer, _model.BadImages, capacity, _model.MinimumScore);

    /// <summary>The getter of an output column. <paramref name="locate"/> gives the buffer and the place in it of the current row.</summary>
    internal ValueGetter<TValue> CreateGetter<TValue>(DataViewSchema.Column column, Func<(ScoreBuffer Buffer, int Row)> locate)
    {
        return _columns.CreateGetter(column, locate) as ValueGetter<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' has type {column.Type}, but was asked for as {typeof(TValue)}.");
    }

    internal static bool[] ActiveFlags(DataViewSchema schema, IEnumerable<DataViewSchema.Column> active)
    {
        bool[] flags = new bool[schema.Count];
        foreach (DataViewSchema.Column column in active)
        {
            flags[column.Index] = true;
        }

        return flags;
    }

    /// <summary>A row of the input with its scores, which are computed once for each position when one of them is asked for.</summary>
    private sealed class ScoredRow : DataViewRow
    {
        private readonly ScoringRowMapper _mapper;
        private readonly DataViewRow _input;
        private readonly bool[] _isActive;
        private readonly ImageRowReader? _reader;
        private readonly ScoreBuffer? _buffer;
        private long _scoredPosition = -1;

        public ScoredRow(ScoringRowMapper mapper, DataViewRow input, bool[] isActive)
        {
            _mapper = mapper;
            _input = input;
            _isActive = isActive;
            if (isActive.AsSpan(mapper._columns.InputColumnCount).Contains(true))
            {
                _reader = mapper.CreateReader(input);
                _buffer = mapper.CreateBuffer(capacity: 1);
            }
        }

        public override DataViewSchema Schema => _mapper.OutputSchema;

        public override long Position => _input.Position;

        public override long Batch => _input.Batch;

        public override ValueGetter<DataViewRowId> GetIdGetter() => _input.GetIdGetter();

        public override bool IsColumnActive(DataViewSchema.Column column) => _isActive[column.Index];

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
        {
            if (!IsColumnActive(column))
            {
                throw new InvalidOperationException($"Column '{column.Name}' is not active in this row.");
            }

            return _mapper.IsOutput(column)
                ? _mapper.CreateGetter<TValue>(column, Locate)
                : _input.GetGetter<TValue>(_input.Schema[column.Index]);
        }

        private (ScoreBuffer Buffer, int Row) Locate()
        {
            if (_scoredPosition != _input.Position)
            {
                // Forget the row before: a failure now must not leave its scores to be taken for this row's.
                _scoredPosition = -1;
                using ScoringTurns.Turn turn = ScoringTurns.Take();
                _buffer!.Clear();
                _buffer.Add(_reader!);
                _buffer.Score();
                _scoredPosition = _input.Position;
            }

            return (_buffer!, 0);
        }
    }
}
