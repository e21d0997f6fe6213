using Microsoft.ML.Data;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.ResNet.Tests.Datasets;

[TestClass]
public sealed class ImageColumnTests
{
    [TestMethod]
    [DataRow(3, 4, 5, PixelLayout.Auto, true)]
    [DataRow(1, 4, 5, PixelLayout.Auto, true)]
    [DataRow(5, 4, 3, PixelLayout.Auto, false)]
    [DataRow(5, 4, 1, PixelLayout.Auto, false)]
    [DataRow(3, 4, 1, PixelLayout.Auto, true)]
    [DataRow(1, 4, 3, PixelLayout.Auto, false)]
    [DataRow(3, 4, 3, PixelLayout.Planar, true)]
    [DataRow(3, 4, 3, PixelLayout.Interleaved, false)]
    public void Of_Vector_ReadsSizeAndOrderFromTheType(int first, int second, int third, PixelLayout layout, bool isPlanar)
    {
        ImageColumn column = Of(new VectorDataViewType(NumberDataViewType.Single, first, second, third), layout);

        Assert.AreEqual(FeatureKind.Pixels, column.Kind);
        Assert.AreEqual(isPlanar, column.IsPlanar);
        Assert.AreEqual(isPlanar ? (first, second, third) : (third, first, second), (column.Channels, column.Height, column.Width));
    }

    [TestMethod]
    public void Of_OtherTypes_AreRecognised()
    {
        Assert.AreEqual(FeatureKind.Path, Of(TextDataViewType.Instance).Kind);
        Assert.AreEqual(FeatureKind.EncodedBytes, Of(new VectorDataViewType(NumberDataViewType.Byte)).Kind);
        Assert.AreEqual(FeatureKind.EncodedBytes, Of(new VectorDataViewType(NumberDataViewType.Byte, 100)).Kind);
        Assert.AreEqual(FeatureKind.Image, Of(new ImageDataViewType()).Kind);
    }

    [TestMethod]
    public void Of_VectorThatMayBeEither_AsksForTheOption() =>
        Assert.AreEqual(
            "Feature column 'Image' has dimensions 3 x 4 x 3, which may be planar or interleaved. Set PixelLayout to say which, or resize the images.",
            Assert.ThrowsExactly<ArgumentException>(() => Of(new VectorDataViewType(NumberDataViewType.Single, 3, 4, 3))).Message);

    [TestMethod]
    public void Of_VectorWithoutDimensions_SaysHowToGiveThem() =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Of(new VectorDataViewType(NumberDataViewType.Single, 192))).Message,
            "without the three dimensions of an image, expected [channels, height, width] or [height, width, channels]");

    [TestMethod]
    [DataRow(192, PixelLayout.Planar, 3, true)]
    [DataRow(192, PixelLayout.Interleaved, 3, false)]
    [DataRow(64, PixelLayout.Auto, 1, true)]
    public void Of_VectorWithoutDimensions_TakesThemFromTheOptions(int values, PixelLayout layout, int channels, bool isPlanar)
    {
        ImageColumn column = Of(new VectorDataViewType(NumberDataViewType.Single, values), layout, imageSize: 8);

        Assert.AreEqual((channels, 8, 8, isPlanar), (column.Channels, column.Height, column.Width, column.IsPlanar));
    }

    [TestMethod]
    public void Of_VectorThatContradictsTheOptions_SaysWhatWasExpected()
    {
        Assert.AreEqual(
            "Feature column 'Image' has 100 values, expected 64 or 192, as ImageSize 8 says.",
            Assert.ThrowsExactly<ArgumentException>(() => Of(new VectorDataViewType(NumberDataViewType.Single, 100), imageSize: 8)).Message);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Of(new VectorDataViewType(NumberDataViewType.Single, 192), imageSize: 8)).Message,
            "Set PixelLayout to Planar or Interleaved.");
    }

    [TestMethod]
    public void Of_FourChannels_NamesAlpha() =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Of(new VectorDataViewType(NumberDataViewType.Single, 4, 8, 8))).Message,
            "ExtractPixels must not extract alpha");

    [TestMethod]
    public void Of_Number_NamesTheTypesThatWork() =>
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ArgumentException>(() => Of(NumberDataViewType.Double)).Message,
            "Feature column 'Image' has type Double, expected Text (the path of an image file), a vector of Byte (the content of one), MLImage, or a vector of Single with dimensions [channels, height, width] (pixels). Point FeatureColumnName");

    private static ImageColumn Of(DataViewType type, PixelLayout layout = PixelLayout.Auto, int? imageSize = null)
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("Image", type);
        return ImageColumn.Of(builder.ToSchema(), "Image", layout, imageSize);
    }
}
