using System.Globalization;
using System.Text;
using ImageClassification.Commands;

namespace ImageClassification.Scoring;

/// <summary>Results as comma-separated values, as RFC 4180 has them.</summary>
internal sealed class CsvPart : PartWriter
{
    private readonly StreamWriter _writer;
    private readonly int _top;

    public CsvPart(string path, int top)
        : base(path)
    {
        _top = top;
        _writer = new StreamWriter(File, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 1 << 16, leaveOpen: true) { NewLine = "\n" };
        Write(["ImagePath", "PredictedLabel", .. Enumerable.Range(1, top).SelectMany(i => new[] { $"Class{i}", $"Probability{i}" }), "Error"]);
    }

    public override void Add(Classification result) => Write(
    [
        result.File,
        result.PredictedLabel,
        .. Enumerable.Range(0, _top).SelectMany(i => i < result.Classes.Count ? new string?[] { result.Classes[i].Class, result.Classes[i].Probability.ToString(CultureInfo.InvariantCulture) } : [null, null]),
        result.Error,
    ]);

    protected override void Finish() => _writer.Dispose();

    private void Write(IEnumerable<string?> values) => _writer.WriteLine(string.Join(',', values.Select(Quoted)));

    private static string? Quoted(string? value)
        => value.AsSpan().IndexOfAny(",\"\r\n") < 0 ? value : $"\"{value!.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
