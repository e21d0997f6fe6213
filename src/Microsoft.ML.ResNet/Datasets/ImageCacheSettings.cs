namespace Microsoft.ML.ResNet.Datasets;

/// <summary>How much memory cached images may take, and where the rest goes.</summary>
/// <param name="MemoryLimit">Bytes.</param>
/// <param name="TemporaryFolder">The folder of the temporary file.</param>
internal sealed record ImageCacheSettings(long MemoryLimit, string TemporaryFolder);
