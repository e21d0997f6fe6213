using System.ComponentModel.DataAnnotations;

namespace ImageScoringApi;

/// <summary>The section <c>Serving</c> of appsettings.json.</summary>
internal sealed class ServingOptions
{
    public const string Section = "Serving";

    /// <summary>How images are scored.</summary>
    public ScoringMode Mode { get; set; } = ScoringMode.Batched;

    /// <summary>The model's column that takes the image. Null: the one that its scores are computed from.</summary>
    public string? ImageColumn { get; set; }

    /// <summary>The most images that are scored together.</summary>
    [Range(1, 1024)]
    public int MaxBatchSize { get; set; } = 16;

    /// <summary>How long a batch waits for the images of requests that are still being received. It never waits where there are none.</summary>
    [Range(0, 1000)]
    public double MaxWaitMilliseconds { get; set; } = 5;

    /// <summary>The images that may wait. A request that finds the queue full is told to come back later (503).</summary>
    [Range(1, 1_000_000)]
    public int QueueLength { get; set; } = 256;

    /// <summary>The most images in a request.</summary>
    [Range(1, 1000)]
    public int MaxFiles { get; set; } = 16;

    /// <summary>The size of the largest image file, in bytes.</summary>
    [Range(1, 1 << 30)]
    public int MaxFileBytes { get; set; } = 10 << 20;

    /// <summary>How often the model file is looked at.</summary>
    [Range(10, 3_600_000)]
    public int ModelCheckMilliseconds { get; set; } = 1000;

    /// <summary>The largest body of a request: base64 takes four bytes for three, and each file has some lines around it.</summary>
    public long MaxBodyBytes => ((MaxFileBytes * 4L / 3) + 4096) * MaxFiles;
}
