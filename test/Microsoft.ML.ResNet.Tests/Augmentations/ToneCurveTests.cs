using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Tests.Augmentations;

[TestClass]
public sealed class ToneCurveTests
{
    [TestMethod]
    public void Equalize_FewPixels_LeavesTheImage()
    {
        // Pillow's step is (count - frequency of the brightest) / 255, here 0.
        byte[] image = TestPicture.Bytes(7, 5, 3), before = (byte[])image.Clone();

        ToneCurve.Equalize(TestPicture.Span(image, 7, 5));

        CollectionAssert.AreEqual(before, image);
    }

    [TestMethod]
    public void AutoContrast_OneLevel_LeavesTheImage()
    {
        byte[] image = [7, 7, 7, 7];

        ToneCurve.AutoContrast(TestPicture.Span(image, 2, 2, 1));

        CollectionAssert.AreEqual(new byte[] { 7, 7, 7, 7 }, image);
    }

    [TestMethod]
    [DataRow(1f)]
    [DataRow(255f)]
    public void EveryOperation_Floats_IsThatOfBytesOnTheirScale(float white)
    {
        // Bytes drop fractions, up to one level; where a curve jumps, float32 that is a hair off a level is interpolated.
        foreach (Operation operation in (Operation[])[new Brightness(), new Contrast(), new Posterize(), new Solarize(), new AutoContrast(), new Equalize()])
        {
            byte[] bytes = TestPicture.Bytes(20, 20, 3);
            float[] floats = TestPicture.Floats(20, 20, 3, white);
            operation.Apply(TestPicture.Span(bytes, 20, 20));
            operation.Apply(new ImageSpan<float>(floats, 20, 20, 3, white));
            for (int i = 0; i < bytes.Length; i++)
            {
                Assert.AreEqual(bytes[i], floats[i] * 255 / white, 1.01f, $"{operation}, value {i}");
            }
        }
    }

    private abstract record Operation
    {
        public abstract void Apply<T>(ImageSpan<T> image)
            where T : unmanaged;
    }

    private sealed record Brightness : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.Brightness(image, 1.4f);
    }

    private sealed record Contrast : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.Contrast(image, 0.6f);
    }

    private sealed record Posterize : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.Posterize(image, 4);
    }

    private sealed record Solarize : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.Solarize(image, 100);
    }

    private sealed record AutoContrast : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.AutoContrast(image);
    }

    private sealed record Equalize : Operation
    {
        public override void Apply<T>(ImageSpan<T> image) => ToneCurve.Equalize(image);
    }
}
