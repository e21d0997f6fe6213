using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Comparisons of whole tensors.</summary>
internal static class TensorAssert
{
    public static void AreBitEqual(Tensor expected, Tensor actual, string? message = null)
    {
        using DisposeScope scope = NewDisposeScope();
        CollectionAssert.AreEqual(expected.shape, actual.shape, message);
        Assert.IsTrue(expected.equal(actual).all().item<bool>(), message);
    }

    public static void AreClose(Tensor expected, Tensor actual, float tolerance)
    {
        using DisposeScope scope = NewDisposeScope();
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        Assert.IsLessThanOrEqualTo(tolerance, (expected - actual).abs().max().item<float>());
    }
}
