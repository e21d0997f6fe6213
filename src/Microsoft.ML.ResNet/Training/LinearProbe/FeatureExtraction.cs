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
    /// <summary>The features of all images as scoring sees them, then of as many varied views of each as are wanted.</summary>
    /// <param name="views">The number of varied views beside the plain one.</param>
    /// <param name="rows">The number of each image, from which its variations are drawn.</param>
    /// <param name="isTimeOver">Asked before every batch; where it says so, the extraction ends with the images, or the whole views, that it has. Null: never.</param>
    /// <param name="least">The images whose plain view is computed however long it takes.</param>
    /// <returns>[N (1 + views), F] float32, on the CPU: the plain views of the first N images, then the first varied ones of the same, and so on.</returns>
    public ExtractedFeatures Run(ImageDataset images, Augmentation augmentation, int views, long seed, int[] rows, Func<bool>? isTimeOver = null, int least = 1)
    {
        using var scope = NewDisposeScope();
        List<Tensor> parts = [];
        int imageCount = images.Count, total = imageCount * (1 + views), done = 0;
        using var batches = new OrderedBatches(images, device, Fill);
        for (int view = 0; view <= views; view++)
        {
            int whole = parts.Count;
            for (int start = 0, count; start < imageCount; start += count)
            {
                checkCancelled();
                if ((view > 0 || start >= least) && isTimeOver?.Invoke() == true)
                {
                    imageCount = view == 0 ? start : imageCount;
                    parts.RemoveRange(whole, view == 0 ? 0 : parts.Count - whole);
                    return new ExtractedFeatures(cat(parts).MoveToOuterDisposeScope(), imageCount, Math.Max(0, view - 1));
                }

                if (done == 0)
                {
                    batches.Begin(0);
                }

                using var inference = inference_mode();
                using var batch = NewDisposeScope();
                Tensor input = batches.Take();
                count = (int)input.shape[0];
                done += count;
                if (done < total)
                {
                    batches.Begin((start + count) % imageCount, view + (start + count == imageCount ? 1 : 0));
                }

                parts.Add(compute(input).cpu().MoveToOuterDisposeScope());
                report(done, total);
            }
        }

        return new ExtractedFeatures(cat(parts).MoveToOuterDisposeScope(), imageCount, views);

        void Fill(int row, int view, CachedImage image, AugmentationScratch scratch, Span<byte> target)
        {
            if (view == 0)
            {
                Augmentation.CropCentre(image, images.Format, images.PixelSize, target);
            }
            else
            {
                augmentation.Apply(image, images.Format, new RowDraws(seed, view, rows[row]), target, scratch);
            }
        }
    }
}
