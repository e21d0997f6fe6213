using ImageClassification.Commands;
using Parquet;
using Parquet.Schema;

namespace ImageClassification.Scoring;

/// <summary>Results as Apache Parquet, in row groups that are written as they come.</summary>
internal sealed class ParquetPart : PartWriter
{
    private const int RowsInGroup = 16_384;

    private readonly DataField _path = new DataField<string>("ImagePath", nullable: false), _label = new DataField<string>("PredictedLabel"), _error = new DataField<string>("Error");
    private readonly (DataField Class, DataField Probability)[] _classes;
    private readonly List<Classification> _rows = [];
    private readonly ParquetWriter _writer;

    public ParquetPart(string path, int top)
        : base(path)
    {
        _classes = [.. Enumerable.Range(1, top).Select(i => ((DataField)new DataField<string>($"Class{i}"), (DataField)new DataField<float?>($"Probability{i}")))];
        var schema = new ParquetSchema([_path, _label, .. _classes.SelectMany(of => new[] { of.Class, of.Probability }), _error]);
        _writer = ParquetWriter.CreateAsync(schema, File).GetAwaiter().GetResult();
    }

    public override void Add(Classification result)
    {
        _rows.Add(result);
        if (_rows.Count == RowsInGroup)
        {
            WriteGroup();
        }
    }

    protected override void Finish()
    {
        if (_rows.Count > 0)
        {
            WriteGroup();
        }

        _writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private void WriteGroup()
    {
        using ParquetRowGroupWriter group = _writer.CreateRowGroup();
        Write(_path, row => row.File);
        Write(_label, row => row.PredictedLabel);
        for (int i = 0; i < _classes.Length; i++)
        {
            int place = i;
            Write(_classes[i].Class, row => row.Classes.ElementAtOrDefault(place)?.Class);
            group.WriteAsync<float>(_classes[i].Probability, _rows.Select(row => row.Classes.ElementAtOrDefault(place)?.Probability).ToArray()).GetAwaiter().GetResult();
        }

        Write(_error, row => row.Error);
        group.CompleteValidate();
        _rows.Clear();

        void Write(DataField field, Func<Classification, string?> value) => group.WriteAsync(field, [.. _rows.Select(row => value(row)!)]).GetAwaiter().GetResult();
    }
}
