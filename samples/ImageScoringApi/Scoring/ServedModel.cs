using Microsoft.Extensions.Options;
using Microsoft.ML;

namespace ImageScoringApi.Scoring;

/// <summary>
/// The model that is served. When its file changes, the new model is loaded beside the old one and takes its place; requests that have begun with the old one
/// end with it, and then it is freed.
/// </summary>
internal sealed class ServedModel : BackgroundService
{
    private readonly MLContext _mlContext = new();
    private readonly string _path;
    private readonly string? _imageColumn;
    private readonly TimeSpan _interval;
    private readonly ServingMetrics _metrics;
    private readonly ILogger<ServedModel> _logger;
    private readonly Lock _lock = new();
    private Entry _current;
    private FileStamp _loaded, _refused;
    private int _isDisposed;

    /// <exception cref="Exception">The model can't be loaded.</exception>
    public ServedModel(ModelPath path, IOptions<ServingOptions> options, ServingMetrics metrics, ILogger<ServedModel> logger)
    {
        _path = path.FullPath;
        _imageColumn = options.Value.ImageColumn;
        _interval = TimeSpan.FromMilliseconds(options.Value.ModelCheckMilliseconds);
        _metrics = metrics;
        _logger = logger;
        _loaded = FileStamp.Of(_path);
        _current = new Entry(ImageModel.Load(_mlContext, _path, _imageColumn));
        LoadedAt = DateTimeOffset.UtcNow;
        _metrics.ModelLoaded();
    }

    /// <summary>When the model that is served now was loaded.</summary>
    public DateTimeOffset LoadedAt { get; private set; }

    /// <summary>The model of this moment. It stays usable until the lease is disposed.</summary>
    public Lease Acquire()
    {
        lock (_lock)
        {
            _current.Users++;
            return new Lease(this, _current);
        }
    }

    public override void Dispose()
    {
        base.Dispose();

        // The container knows it as a service and as a hosted service, and disposes both.
        if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
        {
            Release(_current);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                LoadIfChanged();
            }
        }
        catch (OperationCanceledException)
        {
            // The application stops.
        }
    }

    private void LoadIfChanged()
    {
        FileStamp stamp = FileStamp.Of(_path);
        if (stamp == _loaded || stamp == default)
        {
            return;
        }

        Entry loaded;
        try
        {
            loaded = new Entry(ImageModel.Load(_mlContext, _path, _imageColumn));
        }
        catch (Exception exception)
        {
            // A file that is still being written, or none of a model: the old model stays, and the file is tried again. One line for each state of the file.
            if (stamp != _refused)
            {
                _refused = stamp;
                _logger.LogWarning("'{Path}' has changed and can't be served; the former model stays. {Message}", _path, exception.Message);
            }

            return;
        }

        Entry former;
        lock (_lock)
        {
            former = _current;
            _current = loaded;
        }

        _loaded = stamp;
        LoadedAt = DateTimeOffset.UtcNow;
        Release(former);
        _metrics.ModelLoaded();
        _logger.LogInformation("'{Path}' has changed: a model of {Count} classes is served from now on.", _path, loaded.Model.ClassNames.Count);
    }

    private void Release(Entry entry)
    {
        bool isLast;
        lock (_lock)
        {
            isLast = --entry.Users == 0;
        }

        if (isLast)
        {
            entry.Model.Dispose();
        }
    }

    /// <summary>The right to use a model.</summary>
    internal readonly struct Lease(ServedModel owner, Entry entry) : IDisposable
    {
        public ImageModel Model => entry.Model;

        public void Dispose() => owner.Release(entry);
    }

    /// <summary>A model and how many use it; being served counts as one.</summary>
    internal sealed class Entry(ImageModel model)
    {
        public ImageModel Model => model;

        public int Users { get; set; } = 1;
    }

    /// <summary>Tells whether a file has changed. The default value stands for no file.</summary>
    private readonly record struct FileStamp(DateTime Written, long Length)
    {
        public static FileStamp Of(string path)
        {
            var file = new FileInfo(path);
            return file.Exists ? new FileStamp(file.LastWriteTimeUtc, file.Length) : default;
        }
    }
}
