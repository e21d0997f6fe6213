using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class ValidationResultTests
{
    [TestMethod]
    public void Of_UnevenClasses_AveragesTheAccuraciesOfThoseThatArePresent()
    {
        var metrics = new RunningMetrics { LossSum = 3, CorrectCount = 4, TopKCorrectCount = 5, ImageCount = 6 };

        // Class 0: 3 of 4; class 2: 1 of 2; class 1 has no images, and is predicted once.
        var result = ValidationResult.Of(metrics, [0, 0, 0, 1, 2, 0], [0, 0, 0, 0, 2, 2], classCount: 3);

        Assert.AreEqual(0.625, result.Value(ValidationMetric.MacroAccuracy), 1e-12);
        Assert.AreEqual(4 / 6.0, result.Value(ValidationMetric.Accuracy), 1e-12);
        Assert.AreEqual(0.5, result.Value(ValidationMetric.Loss), 1e-12);
        Assert.AreEqual(5 / 6.0, result.TopKAccuracy, 1e-12);
    }

    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(double.PositiveInfinity)]
    public void Value_LossThatIsNotFinite_IsNoNumber(double loss)
    {
        var result = new ValidationResult(loss, Accuracy: 0.5, TopKAccuracy: 1, MacroAccuracy: 0.5);

        Assert.IsTrue(Enum.GetValues<ValidationMetric>().All(metric => double.IsNaN(result.Value(metric))));
    }
}
