using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class HueTests
{
    // torchvision rounds on the way back to bytes by scaling to 255.999 and dropping the fraction.
    private const int Tolerance = 1;

    [TestMethod]
    public void Apply_Forward_EqualsTorchvision() => TestPicture.AreEqual(GoldenAugmentations.HueForward, Turn(0.2f), Tolerance);

    [TestMethod]
    public void Apply_Backward_EqualsTorchvision() => TestPicture.AreEqual(GoldenAugmentations.HueBackward, Turn(-0.4f), Tolerance);

    [TestMethod]
    public void Apply_ThirdOfATurn_RedBecomesGreenAndGreyStays()
    {
        float[] image = [1, 0, 0, 0.5f, 0.5f, 0.5f];

        Hue.Apply(new ImageSpan<float>(image, 2, 1, 3, 1), 1f / 3);

        float[] expected = [0, 1, 0, 0.5f, 0.5f, 0.5f];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], image[i], 1e-5f);
        }
    }

    [TestMethod]
    public void Apply_OneChannel_LeavesTheImage()
    {
        byte[] image = [1, 2, 3, 4, 5, 6];

        Hue.Apply(TestPicture.Span(image, 3, 2, 1), 0.3f);

        CollectionAssert.AreEqual(new byte[] { 1, 2, 3, 4, 5, 6 }, image);
    }

    private static byte[] Turn(float turn)
    {
        byte[] image = TestPicture.Bytes(7, 5, 3);
        Hue.Apply(TestPicture.Span(image, 7, 5), turn);
        return image;
    }
}
