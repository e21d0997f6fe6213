using ImageClassification.Commands;

namespace ImageClassification.Scoring;

/// <summary>Writes the results of a part. The file has its name only when it is complete.</summary>
internal abstract class PartWriter : IDisposable
{
    private readonly string _path;
    private bool _isComplete;

    /// <param name="path">The file; it is overwritten.</param>
    protected PartWriter(string path)
    {
        _path = path;
        File = new FileStream(path + ".partial", FileMode.Create, FileAccess.ReadWrite);
    }

    protected FileStream File { get; }

    /// <param name="top">The classes that a row has room for.</param>
    public static PartWriter Create(PartFormat format, string path, int top) => format == PartFormat.Csv ? new CsvPart(path, top) : new ParquetPart(path, top);

    public abstract void Add(Classification result);

    /// <summary>Ends the file, and gives it its name.</summary>
    public void Complete()
    {
        Finish();
        File.Flush(flushToDisk: true);
        File.Dispose();
        System.IO.File.Move(File.Name, _path, overwrite: true);
        _isComplete = true;
    }

    /// <summary>Removes what is not complete.</summary>
    public void Dispose()
    {
        if (!_isComplete)
        {
            File.Dispose();
            System.IO.File.Delete(File.Name);
        }
    }

    /// <summary>Writes what is left.</summary>
    protected abstract void Finish();
}
