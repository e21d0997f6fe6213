using System.Globalization;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
[DoNotParallelize]
public sealed class ImagePreprocessingTests
{
    [TestMethod]
    public void ToString_InAnotherCulture_SpellsTheListsOutInTheInvariantOne()
    {
        var preprocessing = new ImagePreprocessing { Width = 32, Height = 24, Fit = ImageFit.Pad, ShortSide = 24, Mean = [0.485f, 0.456f, 0.406f], StandardDeviation = [0.229f, 0.224f, 0.225f] };
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");

            Assert.AreEqual(
                "ImagePreprocessing { Width = 32, Height = 24, Channels = 3, Fit = Pad, ShortSide = 24, Mean = [0.485, 0.456, 0.406], StandardDeviation = [0.229, 0.224, 0.225] }",
                preprocessing.ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
