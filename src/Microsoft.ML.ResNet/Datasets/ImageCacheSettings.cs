namespace Microsoft.ML.ResNet.Datasets;

/// <summary>How much memory cached images may take, and where the rest goes.</summary>
/// <param name="MemoryLimit">Bytes.</param>
/// <param name="TemporaryFolder">The folder of the temporary file.</param>
internal sealed record ImageCacheSettings(long MemoryLimit, string TemporaryFolder)
{
    /// <summary>The option's limit, or half of the memory that the process may use.</summary>
    public static ImageCacheSettings Of(ResNetTrainer.Options options, string temporaryFolder)
        => new(options.CacheMemoryLimit ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2, temporaryFolder);
}
