using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class CropWindowTests
{
    [TestMethod]
    public void Copy_ReflectedBorder_EqualsTorchvisionsPad()
    {
        // torchvision.transforms.functional.pad(image, 2, padding_mode="reflect") of 4 x 3 pixels.
        byte[] image = [0, 31, 62, 93, 57, 95, 133, 171, 114, 159, 204, 249];
        byte[] expected =
        [
            204, 159, 114, 159, 204, 249, 204, 159,
            133, 95, 57, 95, 133, 171, 133, 95,
            62, 31, 0, 31, 62, 93, 62, 31,
            133, 95, 57, 95, 133, 171, 133, 95,
            204, 159, 114, 159, 204, 249, 204, 159,
            133, 95, 57, 95, 133, 171, 133, 95,
            62, 31, 0, 31, 62, 93, 62, 31,
        ];
        byte[] actual = new byte[8 * 7];

        CropWindow.Copy(new CachedImage(image, 4, 3), 1, -2, -2, actual, 8, 7, CropBorder.Reflected);

        CollectionAssert.AreEqual(expected, actual);
    }

    [TestMethod]
    [DataRow(CropBorder.Black, "0,0,0,0,0,1,2,0,0,0,0,0")]
    [DataRow(CropBorder.Reflected, "1,2,1,2,1,2,1,2,1,2,1,2")]
    public void Copy_ImageSmallerThanTheBorder_IsDefined(object border, string expected)
    {
        byte[] actual = new byte[12];

        // In the reflected case the window begins two pixels to the left, an even number: pixel 0 again.
        CropWindow.Copy(new CachedImage([1, 2], 2, 1), 1, (CropBorder)border == CropBorder.Black ? -1 : -2, -1, actual, 4, 3, (CropBorder)border);

        Assert.AreEqual(expected, string.Join(",", actual));
    }

    [TestMethod]
    public void Copy_WindowBesideTheImage_IsBlack()
    {
        byte[] actual = [9, 9, 9, 9];

        CropWindow.Copy(new CachedImage([1, 2, 3, 4], 2, 2), 1, 5, 0, actual, 2, 2);

        CollectionAssert.AreEqual(new byte[4], actual);
    }
}
