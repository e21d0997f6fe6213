using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;
using SkiaSharp;

namespace Microsoft.ML.ResNet.Tests.Images;

[TestClass]
public sealed class TrainingImageFitterTests
{
    /// <summary>What validation cuts out of the image that training keeps is what scoring makes of the file, bit for bit.</summary>
    [TestMethod]
    [DataRow(300, 200, 96, ImageFit.ShortSideCrop)]
    [DataRow(201, 333, 96, ImageFit.ShortSideCrop)]
    [DataRow(96, 96, 96, ImageFit.ShortSideCrop)]
    [DataRow(50, 41, 96, ImageFit.ShortSideCrop)]
    [DataRow(32, 32, 32, ImageFit.ShortSideCrop)]
    [DataRow(37, 45, 32, ImageFit.ShortSideCrop)]
    [DataRow(1500, 20, 32, ImageFit.ShortSideCrop)]
    [DataRow(9, 700, 96, ImageFit.ShortSideCrop)]
    [DataRow(1, 1, 32, ImageFit.ShortSideCrop)]
    [DataRow(300, 200, 96, ImageFit.Stretch)]
    [DataRow(300, 200, 96, ImageFit.Pad)]
    [DataRow(20, 300, 32, ImageFit.Pad)]
    public void Load_ThenCentreCrop_IsWhatScoringSees(int width, int height, int size, ImageFit fit)
    {
        foreach (SKEncodedImageFormat format in (SKEncodedImageFormat[])[SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg])
        {
            byte[] file = TestImages.Encode(format, width, height, TestImages.Noise);
            ImagePreprocessing preprocessing = Preprocessing(size, fit);
            var scoring = new ImagePreprocessor(size, size, preprocessing.ShortSide, fit);
            byte[] expected = new byte[scoring.OutputLength], actual = new byte[scoring.OutputLength];
            scoring.Load(file, "The image", expected);

            using PixelImage kept = new TrainingImageFitter(preprocessing).Load(file, "The image");
            Augmentation.CropCentre(
                new CachedImage(kept.Span, kept.Width, kept.Height), InputFormat.Of(size, size, PixelRange.ZeroTo255, preprocessing.Mean, preprocessing.StandardDeviation), pixelSize: 3, actual);

            CollectionAssert.AreEqual(expected, actual, $"{format}");
        }
    }

    /// <summary>So are the five crops that test-time augmentation takes: a calibration reads them from what training keeps.</summary>
    [TestMethod]
    [DataRow(300, 200)]
    [DataRow(201, 333)]
    [DataRow(96, 96)]
    [DataRow(50, 41)]
    [DataRow(1500, 20)]
    [DataRow(9, 700)]
    public void Load_ThenEachCrop_IsWhatScoringSees(int width, int height)
    {
        const int Size = 96;
        foreach (SKEncodedImageFormat format in (SKEncodedImageFormat[])[SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg])
        {
            byte[] file = TestImages.Encode(format, width, height, TestImages.Noise);
            ImagePreprocessing preprocessing = Preprocessing(Size, ImageFit.ShortSideCrop);
            var scoring = new ImagePreprocessor(Size, Size, preprocessing.ShortSide, preprocessing.Fit) { Crops = Enum.GetValues<CropPosition>() };
            byte[] expected = new byte[scoring.OutputLength], actual = new byte[expected.Length / scoring.Crops.Count];
            scoring.Load(file, "The image", expected);

            using PixelImage kept = new TrainingImageFitter(preprocessing).Load(file, "The image");
            for (int i = 0; i < scoring.Crops.Count; i++)
            {
                Augmentation.Crop(
                    new CachedImage(kept.Span, kept.Width, kept.Height), InputFormat.Of(Size, Size, PixelRange.ZeroTo255, preprocessing.Mean, preprocessing.StandardDeviation), pixelSize: 3, actual, scoring.Crops[i]);

                CollectionAssert.AreEqual(expected[(i * actual.Length)..((i + 1) * actual.Length)], actual, $"{format}, {scoring.Crops[i]}");
            }
        }
    }

    [TestMethod]
    public void Load_Panorama_KeepsItsMiddleOnly()
    {
        byte[] file = TestImages.Encode(SKEncodedImageFormat.Png, 3000, 100, TestImages.Noise);

        using PixelImage kept = new TrainingImageFitter(Preprocessing(32, ImageFit.ShortSideCrop)).Load(file, "The image");

        Assert.AreEqual((96, 32), (kept.Width, kept.Height));
    }

    private static ImagePreprocessing Preprocessing(int size, ImageFit fit) => new()
    {
        Width = size,
        Height = size,
        Fit = fit,
        ShortSide = fit == ImageFit.ShortSideCrop ? ImagePreprocessing.DefaultShortSide(size) : size,
        Mean = [0.485f, 0.456f, 0.406f],
        StandardDeviation = [0.229f, 0.224f, 0.225f],
    };
}
