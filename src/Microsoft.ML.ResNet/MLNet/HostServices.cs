using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet.MLNet;

/// <summary>What the library asks of the ML.NET environment beyond its public API.</summary>
internal static class HostServices
{
    public static IHostEnvironment GetEnvironment(MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog)
        => ((IInternalCatalog)catalog).Environment;

    public static IHostEnvironment GetEnvironment(TransformsCatalog catalog) => ((IInternalCatalog)catalog).Environment;

    public static IHostEnvironment GetEnvironment(DataOperationsCatalog catalog) => ((IInternalCatalog)catalog).Environment;

    /// <summary>The seed that the MLContext was made with, or null.</summary>
    public static int? GetSeed(IHostEnvironment environment) => (environment as IHostEnvironmentInternal)?.Seed;

    /// <summary>The GPU that the MLContext asks for, or null, and whether the CPU may take its place.</summary>
    public static (int? GpuDeviceId, bool FallbackToCpu) GetDevice(IHostEnvironment environment)
        => environment is IHostEnvironmentInternal settings ? (settings.GpuDeviceId, settings.FallbackToCpu) : (null, true);

    /// <summary>The folder for temporary files that the MLContext names, or the system's.</summary>
    public static string GetTemporaryFolder(IHostEnvironment environment)
        => environment is IHostEnvironmentInternal { TempFilePath: { Length: > 0 } folder } ? folder : Path.GetTempPath();

    /// <summary>Whether the MLContext, or the experiment that owns the host, has been cancelled.</summary>
    public static bool IsCancelled(IHostEnvironment environment) => environment is ICancelable { IsCanceled: true };
}
