using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Decodes the images of the next batch while the network has those of this one.</summary>
internal sealed class PreparedAhead(ImageDataset images, Device device) : IDisposable
{
    private Task? _preparing;

    /// <summary>Starts on a batch; no image may be read until <see cref="Wait"/>.</summary>
    public void Begin(int start, int count)
        => _preparing = count > 0 ? Task.Run(() => images.Prepare([.. Enumerable.Range(start, count)], FeedThreads.Beside(device))) : null;

    /// <summary>Has the batch ready, whether it was begun or not.</summary>
    public void Wait(int start, int count)
    {
        if (_preparing is { } task)
        {
            _preparing = null;
            task.GetAwaiter().GetResult();
            return;
        }

        images.Prepare([.. Enumerable.Range(start, count)], Environment.ProcessorCount);
    }

    /// <summary>Waits for the pending batch; its outcome is ignored.</summary>
    public void Dispose() => (_preparing as IAsyncResult)?.AsyncWaitHandle.WaitOne();
}
