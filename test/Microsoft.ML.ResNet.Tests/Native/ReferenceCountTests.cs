using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class ReferenceCountTests
{
    [TestMethod]
    public void Dispose_WhileInUse_WaitsForTheUse()
    {
        var resource = new Resource();
        var lifetime = new ReferenceCount(resource, "Model", "It is gone.");
        ReferenceCount.Use first = lifetime.Enter(), second = lifetime.Enter();

        lifetime.Dispose();
        Assert.AreEqual(0, resource.DisposeCount);
        first.Dispose();
        Assert.AreEqual(0, resource.DisposeCount);
        second.Dispose();
        lifetime.Dispose();

        Assert.AreEqual(1, resource.DisposeCount);
        Assert.AreEqual("Model", Assert.ThrowsExactly<ObjectDisposedException>(() => lifetime.Enter()).ObjectName);
    }

    private sealed class Resource : IDisposable
    {
        public int DisposeCount { get; private set; }

        public void Dispose() => DisposeCount++;
    }
}
