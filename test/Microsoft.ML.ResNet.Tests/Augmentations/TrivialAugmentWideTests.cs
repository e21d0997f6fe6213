using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class TrivialAugmentWideTests
{
    private readonly AugmentationScratch _scratch = new();

    // Pillow drops the fraction of an interpolated value, here it is rounded.
    [TestMethod]
    [DataRow(TrivialAugmentOperation.ShearX, 10, false, GoldenAugmentations.ShearX, 1)]
    [DataRow(TrivialAugmentOperation.ShearY, 20, true, GoldenAugmentations.ShearY, 1)]
    [DataRow(TrivialAugmentOperation.Rotate, 7, false, GoldenAugmentations.Rotate, 1)]
    [DataRow(TrivialAugmentOperation.Rotate, 23, true, GoldenAugmentations.RotateBack, 1)]
    [DataRow(TrivialAugmentOperation.Brightness, 13, false, GoldenAugmentations.Brightness, 0)]
    [DataRow(TrivialAugmentOperation.Brightness, 13, true, GoldenAugmentations.Darkness, 0)]
    [DataRow(TrivialAugmentOperation.Color, 17, false, GoldenAugmentations.Color, 0)]
    [DataRow(TrivialAugmentOperation.Color, 17, true, GoldenAugmentations.Paleness, 0)]
    [DataRow(TrivialAugmentOperation.Contrast, 11, false, GoldenAugmentations.Contrast, 0)]
    [DataRow(TrivialAugmentOperation.Contrast, 11, true, GoldenAugmentations.Flatness, 0)]
    [DataRow(TrivialAugmentOperation.Sharpness, 29, false, GoldenAugmentations.Sharpness, 0)]
    [DataRow(TrivialAugmentOperation.Sharpness, 29, true, GoldenAugmentations.Smoothness, 0)]
    [DataRow(TrivialAugmentOperation.Posterize, 19, false, GoldenAugmentations.Posterize, 0)]
    [DataRow(TrivialAugmentOperation.Solarize, 12, false, GoldenAugmentations.Solarize, 0)]
    public void Apply_OneOperation_EqualsTorchvision(object operation, int bin, bool negative, string expected, int tolerance)
    {
        byte[] image = TestPicture.Bytes(7, 5, 3);

        TrivialAugmentWide.Apply((TrivialAugmentOperation)operation, bin, negative, TestPicture.Span(image, 7, 5), _scratch);

        TestPicture.AreEqual(expected, image, tolerance);
    }

    [TestMethod]
    public void Apply_AutoContrast_EqualsTorchvision()
    {
        byte[] image = TestPicture.Bytes(4, 3, 3);

        TrivialAugmentWide.Apply(TrivialAugmentOperation.AutoContrast, 0, false, TestPicture.Span(image, 4, 3), _scratch);

        TestPicture.AreEqual(GoldenAugmentations.AutoContrast, image);
    }

    [TestMethod]
    public void Apply_Equalize_EqualsTorchvision()
    {
        byte[] image = TestPicture.Bytes(20, 20, 1);

        TrivialAugmentWide.Apply(TrivialAugmentOperation.Equalize, 0, false, TestPicture.Span(image, 20, 20, 1), _scratch);

        TestPicture.AreEqual(GoldenAugmentations.Equalize, image);
    }

    [TestMethod]
    public void Apply_StrongestTranslation_MovesBy32Pixels()
    {
        byte[] source = TestPicture.Bytes(40, 36, 3), image = (byte[])source.Clone();

        TrivialAugmentWide.Apply(TrivialAugmentOperation.TranslateX, 30, false, TestPicture.Span(image, 40, 36), _scratch);

        Assert.IsTrue(image[..(32 * 3)].All(value => value == 0));
        CollectionAssert.AreEqual(source[..(8 * 3)], image[(32 * 3)..(40 * 3)]);
    }

    [TestMethod]
    public void Apply_TranslationOfASmallImage_IsAShareOfItsSide()
    {
        byte[] source = TestPicture.Bytes(8, 8, 1), image = (byte[])source.Clone();

        // Half of the strongest: 4 of 8 pixels up, where 16 would leave nothing.
        TrivialAugmentWide.Apply(TrivialAugmentOperation.TranslateY, 15, true, TestPicture.Span(image, 8, 8, 1), _scratch);

        CollectionAssert.AreEqual(source[32..], image[..32]);
    }

    [TestMethod]
    [DataRow(TrivialAugmentOperation.Identity, true)]
    [DataRow(TrivialAugmentOperation.Rotate, false)]
    [DataRow(TrivialAugmentOperation.Brightness, true)]
    [DataRow(TrivialAugmentOperation.Color, true)]
    [DataRow(TrivialAugmentOperation.Contrast, true)]
    [DataRow(TrivialAugmentOperation.Sharpness, true)]
    [DataRow(TrivialAugmentOperation.Posterize, true)]
    [DataRow(TrivialAugmentOperation.Solarize, true)]
    [DataRow(TrivialAugmentOperation.AutoContrast, true)]
    [DataRow(TrivialAugmentOperation.Equalize, true)]
    public void Apply_UnknownColors_LeavesColorsAlone(object operation, bool isSame)
    {
        float[] source = TestPicture.Floats(20, 20, 3, 1), image = (float[])source.Clone();

        TrivialAugmentWide.Apply((TrivialAugmentOperation)operation, 20, false, new ImageSpan<float>(image, 20, 20, 3, white: 0), _scratch);

        Assert.AreEqual(isSame, source.SequenceEqual(image));
    }

    [TestMethod]
    [DataRow(8, 8, 3)]
    [DataRow(1, 9, 3)]
    [DataRow(9, 1, 1)]
    [DataRow(1, 1, 1)]
    [DataRow(5, 13, 2)]
    [DataRow(6, 4, 5)]
    public void Apply_EveryOperationAndStrength_WorksOnSmallImages(int width, int height, int channels)
    {
        foreach (TrivialAugmentOperation operation in Enum.GetValues<TrivialAugmentOperation>())
        {
            for (int bin = 0; bin < TrivialAugmentWide.Bins; bin++)
            {
                byte[] bytes = TestPicture.Bytes(width, height, channels);
                float[] floats = TestPicture.Floats(width, height, channels, 1);
                TrivialAugmentWide.Apply(operation, bin, bin % 2 == 0, TestPicture.Span(bytes, width, height, channels), _scratch);
                TrivialAugmentWide.Apply(operation, bin, bin % 2 == 0, new ImageSpan<float>(floats, width, height, channels, 1), _scratch);
                Assert.IsTrue(floats.All(value => value is >= 0 and <= 1.0001f), $"{operation}, {bin}");
            }
        }
    }

    [TestMethod]
    public void Apply_WeakestStrength_ChangesNothingButLevels()
    {
        foreach (TrivialAugmentOperation operation in Enum.GetValues<TrivialAugmentOperation>().Except([TrivialAugmentOperation.AutoContrast, TrivialAugmentOperation.Equalize]))
        {
            // Solarize from 255 on inverts 255 to 0: the picture has none of them.
            byte[] source = [.. TestPicture.Bytes(7, 5, 3).Select(value => Math.Min(value, (byte)254))], image = (byte[])source.Clone();
            TrivialAugmentWide.Apply(operation, 0, false, TestPicture.Span(image, 7, 5), _scratch);
            CollectionAssert.AreEqual(source, image, $"{operation}");
        }
    }
}
