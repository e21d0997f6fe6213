using Microsoft.ML.ResNet.Training;

namespace Microsoft.ML.ResNet.Tests.Training;

[TestClass]
public sealed class ValidationTimeTests
{
    /// <summary>A fixed part of 0.2 s and 0.1 s for each further image.</summary>
    private static readonly ValidationTime s_time = new(TimeSpan.FromSeconds(0.2), TimeSpan.FromSeconds(1), count: 9);

    [TestMethod]
    public void Of_Images_IsFixedPartAndImages() => Assert.AreEqual(10.2, s_time.Of(100).TotalSeconds, 1e-9);

    [TestMethod]
    [DataRow(1000, 100)]
    [DataRow(20.2, 48)]
    [DataRow(0.5, 1)]
    [DataRow(-3, 1)]
    public void Count_TimeLeft_IsWhatAQuarterOfItAllows(double left, int expected)
        => Assert.AreEqual(expected, s_time.Count(100, TimeSpan.FromSeconds(left)));

    [TestMethod]
    public void Count_FirstSampleTheSlower_StillHasACostForEachImage()
        => Assert.AreEqual(10, new ValidationTime(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1), 10).Count(1000, TimeSpan.FromSeconds(6.001)));
}
