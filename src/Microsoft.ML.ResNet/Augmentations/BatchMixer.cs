using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>
/// Mixes each image of a batch with the next one, the last with the first: MixUp (Zhang et al. 2017) lays both over one another, CutMix
/// (Yun et al. 2019) pastes a rectangle. The order of a batch is random already. Each row has draws of its own, a function of seed,
/// epoch and row. For one thread.
/// </summary>
internal sealed class BatchMixer(Augmentation augmentation, InputFormat format)
{
    /// <summary>Weights are whole parts of 256, so that bytes are mixed in 16-bit integers and the weight of the loss is that of the pixels.</summary>
    private const int Parts = 256;

    private readonly AugmentationScratch _scratch = new();

    /// <summary>Mixes a batch in place.</summary>
    /// <param name="pixels">[N, height, width, channels] of the format; what is behind is left alone.</param>
    /// <param name="labels">[N].</param>
    /// <param name="rows">[N], the rows of the data set, for the draws.</param>
    public MixedTargets Mix(Span<byte> pixels, ReadOnlySpan<long> labels, ReadOnlySpan<int> rows, long seed, int epoch)
    {
        int count = rows.Length, size = format.ByteCount;
        var targets = new MixedTargets(labels[..count].ToArray(), new long[count], new float[count]);
        if (count == 0)
        {
            return targets;
        }

        // Row i + 1 is still as it was when row i takes from it; only the first is gone when the last comes.
        ReadOnlySpan<byte> first = _scratch.Copy<byte>(pixels[..size]);
        for (int i = 0; i < count; i++)
        {
            int next = (i + 1) % count;
            ReadOnlySpan<byte> partner = next == 0 ? first : pixels.Slice(next * size, size);
            targets.Partners[i] = labels[next];
            targets.Weights[i] = MixRow(pixels.Slice(i * size, size), partner, new RowDraws(seed, epoch, rows[i]).For(RandomStream.Mixing));
        }

        return targets;
    }

    /// <summary>Mixes one image and returns the share that is still its own.</summary>
    private float MixRow(Span<byte> image, ReadOnlySpan<byte> partner, SplitMix64 random)
    {
        bool mixes = random.NextDouble() < augmentation.MixProbability, heads = random.NextBoolean();
        if (!mixes || !augmentation.MixesBatches)
        {
            return 1;
        }

        bool cuts = augmentation.CutMixAlpha > 0 && (heads || augmentation.MixUpAlpha == 0);
        double lambda = BetaDistribution.Sample(ref random, cuts ? augmentation.CutMixAlpha : augmentation.MixUpAlpha);
        if (cuts)
        {
            CropBox box = ChooseBox(ref random, lambda);
            Paste(image, partner, box);
            return 1 - ((float)(box.Width * box.Height) / (format.Width * format.Height));
        }

        int parts = (int)Math.Round(lambda * Parts);
        if (format.IsFloat)
        {
            Blend(MemoryMarshal.Cast<byte, float>(image), MemoryMarshal.Cast<byte, float>(partner), parts);
        }
        else
        {
            Blend(image, partner, parts);
        }

        return (float)parts / Parts;
    }

    /// <summary>A rectangle of the image's shape about a random centre, of which what lies outside the image is cut off (Yun et al., section 3.1 and their code).</summary>
    private CropBox ChooseBox(ref SplitMix64 random, double lambda)
    {
        double side = Math.Sqrt(1 - lambda);
        int width = (int)(format.Width * side), height = (int)(format.Height * side);
        int left = random.Next(format.Width) - (width / 2), top = random.Next(format.Height) - (height / 2);
        int right = Math.Min(left + width, format.Width), bottom = Math.Min(top + height, format.Height);
        left = Math.Max(left, 0);
        top = Math.Max(top, 0);
        return new CropBox(left, top, Math.Max(0, right - left), Math.Max(0, bottom - top));
    }

    private void Paste(Span<byte> image, ReadOnlySpan<byte> partner, in CropBox box)
    {
        int pixelSize = format.Channels * format.ElementSize, length = box.Width * pixelSize;
        for (int y = box.Top; y < box.Top + box.Height; y++)
        {
            int at = ((y * format.Width) + box.Left) * pixelSize;
            partner.Slice(at, length).CopyTo(image[at..]);
        }
    }

    private static void Blend(Span<byte> image, ReadOnlySpan<byte> partner, int parts)
    {
        var own = new Vector<ushort>((ushort)parts);
        var other = new Vector<ushort>((ushort)(Parts - parts));
        var half = new Vector<ushort>(Parts / 2);
        int i = 0;
        for (; i + Vector<byte>.Count <= image.Length; i += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(image[i..]), out Vector<ushort> ownLow, out Vector<ushort> ownHigh);
            Vector.Widen(new Vector<byte>(partner[i..]), out Vector<ushort> otherLow, out Vector<ushort> otherHigh);

            // 255 * 256 + 128 is the most, and fits.
            Vector<ushort> low = Vector.ShiftRightLogical((ownLow * own) + (otherLow * other) + half, 8);
            Vector<ushort> high = Vector.ShiftRightLogical((ownHigh * own) + (otherHigh * other) + half, 8);
            Vector.Narrow(low, high).CopyTo(image[i..]);
        }

        for (; i < image.Length; i++)
        {
            image[i] = (byte)(((image[i] * parts) + (partner[i] * (Parts - parts)) + (Parts / 2)) >> 8);
        }
    }

    private static void Blend(Span<float> image, ReadOnlySpan<float> partner, int parts)
    {
        float weight = (float)parts / Parts;
        int i = 0;
        for (; i + Vector<float>.Count <= image.Length; i += Vector<float>.Count)
        {
            var other = new Vector<float>(partner[i..]);
            (other + ((new Vector<float>(image[i..]) - other) * weight)).CopyTo(image[i..]);
        }

        for (; i < image.Length; i++)
        {
            image[i] = partner[i] + ((image[i] - partner[i]) * weight);
        }
    }
}
