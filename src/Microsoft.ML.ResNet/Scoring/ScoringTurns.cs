namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// Bounds what scores at once in the process, so that the memory of many concurrent callers is that of as many as there are processors: each
/// has a workspace, tensors and the buffers of a decoder. Callers beyond that wait; they would only share the processors.
/// </summary>
internal static class ScoringTurns
{
    private static readonly SemaphoreSlim s_turns = new(Environment.ProcessorCount);

    /// <summary>The turns that this thread holds: a row that another network of the pipeline scores first needs no turn of its own.</summary>
    [ThreadStatic]
    private static int s_held;

    /// <summary>Waits until fewer than the processors are at work. The turn ends when the result is disposed, on the same thread.</summary>
    public static Turn Take()
    {
        if (s_held == 0)
        {
            s_turns.Wait();
        }

        s_held++;
        return default;
    }

    /// <summary>A turn that has begun; dispose it once.</summary>
    internal readonly struct Turn : IDisposable
    {
        public void Dispose()
        {
            if (--s_held == 0)
            {
                s_turns.Release();
            }
        }
    }
}
