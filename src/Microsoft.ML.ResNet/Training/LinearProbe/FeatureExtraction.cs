using Microsoft.ML.ResNet.Augmentations;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Images;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>Computes the features of images with a network that stays as it is.</summary>
/// <param name="compute">From [N,C,H,W] normalised to [N,F].</param>
/// <param name="report">Told after every batch how many of all images are done.</param>
internal sealed class FeatureExtraction(Func<Tensor, Tensor> compute, Device device, Action<int, int> report, Action checkCancelled)
{
    /// <summary>The pixels of a batch, as many as eight images of 224 x 224 have, and its images, at most.</summary>
    private const int BatchPixels = 8 * 224 * 224, LargestBatch = 64;

    /// <summary>The features of all images as scoring sees them, then of as many varied views of each as are wanted.</summary>
    /// <param name="views">The number of varied views beside the plain one.</param>
    /// <param name="rows">The number of each image, from which its variations are drawn.</param>
    /// <param name="isTimeOver">Asked before every batch; where it says so, the extraction ends with the images, or the whole views, that it has. Null: never.</param>
    /// <param name="least">The images whose plain view is computed however long it takes.</param>
    /// <returns>[N (1 + views), F] float32, on the CPU: the plain views of the first N images, then the first varied ones of the same, and so on.</returns>
    public ExtractedFeatures Run(ImageDataset images, Augmentation augmentation, int views, long seed, int[] rows, Func<bool>? isTimeOver = null, int least = 1)
    {
        using var scope = NewDisposeScope();
        using var input = new NetworkInput(images.Format, device);
        var scratch = new AugmentationScratch();
        InputFormat format = images.Format;
        int batchSize = Math.Min(Math.Clamp(BatchPixels / (format.Width * format.Height), 1, LargestBatch), images.Count);
        byte[] pixels = GC.AllocateUninitializedArray<byte>(batchSize * format.ByteCount);
        List<Tensor> parts = [];
        int imageCount = images.Count, total = imageCount * (1 + views), done = 0;
        using var ahead = new PreparedAhead(images, device);
        for (int view = 0; view <= views; view++)
        {
            int whole = parts.Count;
            for (int start = 0; start < imageCount; start += batchSize)
            {
                checkCancelled();
                if ((view > 0 || start >= least) && isTimeOver?.Invoke() == true)
                {
                    imageCount = view == 0 ? start : imageCount;
                    parts.RemoveRange(whole, view == 0 ? 0 : parts.Count - whole);
                    return new ExtractedFeatures(cat(parts).MoveToOuterDisposeScope(), imageCount, Math.Max(0, view - 1));
                }

                int count = Math.Min(batchSize, imageCount - start);
                ahead.Wait(start, count);
                for (int i = 0; i < count; i++)
                {
                    Span<byte> target = pixels.AsSpan(i * format.ByteCount, format.ByteCount);
                    if (view == 0)
                    {
                        Augmentation.CropCentre(images[start + i], format, images.PixelSize, target);
                    }
                    else
                    {
                        augmentation.Apply(images[start + i], format, new RowDraws(seed, view, rows[start + i]), target, scratch);
                    }
                }

                ahead.Begin(start + count, Math.Min(batchSize, imageCount - start - count));
                using var inference = inference_mode();
                using var batch = NewDisposeScope();
                parts.Add(compute(input.Create(pixels, count)).cpu().MoveToOuterDisposeScope());
                done += count;
                report(done, total);
            }
        }

        return new ExtractedFeatures(cat(parts).MoveToOuterDisposeScope(), imageCount, views);
    }
}
