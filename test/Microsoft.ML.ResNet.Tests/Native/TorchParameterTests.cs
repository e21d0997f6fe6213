using Microsoft.ML.ResNet.Native;
using TorchSharp;
using TorchSharp.Modules;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class TorchParameterTests
{
    [TestMethod]
    [DoNotParallelize]
    public void Create_ThenDispose_LeavesTheCountOfTensorsAsItWas()
    {
        long before = LiveTensors.CountAfterCollection();

        using (Parameter parameter = TorchParameter.Create(torch.ones(3)))
        {
            Assert.AreEqual(before + 1, torch.Tensor.TotalCount);
            Assert.IsTrue(parameter.requires_grad);
            CollectionAssert.AreEqual(new float[] { 1, 1, 1 }, parameter.detach().data<float>().ToArray());
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.AreEqual(before, torch.Tensor.TotalCount);
    }

    [TestMethod]
    public void Create_InAScope_BelongsToTheScope()
    {
        Parameter parameter;
        using (torch.NewDisposeScope())
        {
            parameter = TorchParameter.Create(torch.ones(3), requiresGrad: false);
            Assert.IsFalse(parameter.requires_grad);
        }

        Assert.IsTrue(parameter.IsInvalid);
    }
}
