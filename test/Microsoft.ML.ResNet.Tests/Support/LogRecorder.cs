namespace Microsoft.ML.ResNet.Tests;

/// <summary>Collects what an MLContext logs.</summary>
internal sealed class LogRecorder
{
    private readonly List<LoggingEventArgs> _entries = [];

    public LogRecorder(MLContext context) => context.Log += (_, entry) => _entries.Add(entry);

    public IEnumerable<string> Warnings => Messages(Runtime.ChannelMessageKind.Warning);

    public IEnumerable<string> Informations => Messages(Runtime.ChannelMessageKind.Info);

    private IEnumerable<string> Messages(Runtime.ChannelMessageKind kind) => _entries.Where(entry => entry.Kind == kind).Select(entry => entry.RawMessage);
}
