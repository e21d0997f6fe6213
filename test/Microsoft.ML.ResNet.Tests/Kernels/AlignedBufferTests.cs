using System.Runtime.CompilerServices;
using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Tests.Kernels;

/// <summary>Alone, as the garbage of other tests would collect the buffers.</summary>
[TestClass]
[DoNotParallelize]
public sealed class AlignedBufferTests
{
    /// <summary>As the models that a service loads one after the other and, as is usual with ML.NET's, never disposes.</summary>
    [TestMethod]
    public void Constructor_BuffersThatAreForgotten_AreCollected()
    {
        WeakReference[] buffers = [.. Enumerable.Range(0, 200).Select(_ => Forgotten())];

        // The collection goes on in the background.
        bool areCollected = SpinWait.SpinUntil(() => buffers.Count(buffer => buffer.IsAlive) < 100, TimeSpan.FromSeconds(20));
        Assert.IsTrue(areCollected, $"{buffers.Count(buffer => buffer.IsAlive)} of {buffers.Length} are still there.");
    }

    /// <summary>Memory that is never touched, so that the test needs none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Forgotten() => new(new AlignedBuffer(8 << 20, isCleared: false));
}
