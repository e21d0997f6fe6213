using Microsoft.ML.ResNet.Training;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class ProgressiveResizingTests
{
    [TestMethod]
    public void ScaleAt_GrowsInEighthsToTheWhole()
    {
        var resizing = new ProgressiveResizing(InitialScale: 0.5, GrowthShare: 0.8);

        CollectionAssert.AreEqual(
            new[] { 0.5, 0.5, 0.625, 0.75, 0.875, 1, 1 },
            new[] { 0, 0.1, 0.25, 0.5, 0.7, 0.8, 1 }.Select(resizing.ScaleAt).ToArray());
        Assert.AreEqual(0.4, resizing.CostAt(0), 1e-12);
        Assert.AreEqual(1, resizing.CostAt(1), 1e-12);
    }

    [TestMethod]
    public void Apply_HalfTheSize_AveragesAreas()
    {
        using var scope = torch.NewDisposeScope();
        torch.Tensor image = torch.tensor(Enumerable.Range(0, 16).Select(i => (float)i).ToArray(), [1, 1, 4, 4]);

        torch.Tensor half = new ProgressiveResizing(0.5, 0.7).Apply(image, share: 0);

        // The means of (0, 1, 4, 5), (2, 3, 6, 7), ...
        CollectionAssert.AreEqual(new[] { 2.5f, 4.5f, 10.5f, 12.5f }, half.data<float>().ToArray());
        Assert.AreSame(image, new ProgressiveResizing(0.5, 0.7).Apply(image, share: 0.9));
    }
}
