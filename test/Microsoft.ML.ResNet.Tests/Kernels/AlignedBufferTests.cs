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
        const int count = 200;
        List<WeakReference> buffers = [];
        int most = 0;
        for (int i = 0; i < count; i++)
        {
            buffers.Add(Forgotten());
            most = Math.Max(most, buffers.Count(buffer => buffer.IsAlive));
        }

        Assert.IsLessThan(count * 3 / 4, most, "16 MB each");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Forgotten() => new(new AlignedBuffer(4 << 20));
}
