namespace Microsoft.ML.ResNet.Tests;

/// <summary>Calls back on the reporting thread; the framework's Progress posts to another.</summary>
internal sealed class SynchronousProgress(Action<EpochMetrics> report) : IProgress<EpochMetrics>
{
    public void Report(EpochMetrics value) => report(value);
}
