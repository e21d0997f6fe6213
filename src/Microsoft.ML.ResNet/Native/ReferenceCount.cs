namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Lets many threads use a resource that any of them may dispose: the resource goes when the last use that had begun is over, and a
/// use that begins later gets an <see cref="ObjectDisposedException"/>, never freed memory.
/// </summary>
/// <param name="resource">Disposed once.</param>
/// <param name="ownerName">Named by the exception.</param>
/// <param name="message">The exception's message.</param>
internal sealed class ReferenceCount(IDisposable resource, string ownerName, string message) : IDisposable
{
    private readonly object _gate = new();
    private int _uses;
    private bool _isDisposed;

    /// <summary>Begins a use, which ends when the result is disposed.</summary>
    public Use Enter()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                throw new ObjectDisposedException(ownerName, message);
            }

            _uses++;
            return new Use(this);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            if (_uses > 0)
            {
                return;
            }
        }

        resource.Dispose();
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_uses > 0 || !_isDisposed)
            {
                return;
            }
        }

        resource.Dispose();
    }

    /// <summary>A use that has begun; dispose it once.</summary>
    internal readonly struct Use(ReferenceCount owner) : IDisposable
    {
        public void Dispose() => owner.Leave();
    }
}
