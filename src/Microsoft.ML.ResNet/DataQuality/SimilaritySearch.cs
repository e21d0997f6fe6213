using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.DataQuality;

/// <summary>Compares all pairs of images by the cosine of their features, a block of rows at a time.</summary>
internal static class SimilaritySearch
{
    // [block, N] of 10,000 images is 40 MB.
    private const int BlockRows = 1024;

    /// <param name="second">Null: the pairs of <paramref name="first"/> among themselves.</param>
    /// <exception cref="ArgumentException">The two have features of different sizes.</exception>
    public static IReadOnlyList<SimilarImages> Find(FeatureRows first, FeatureRows? second, float threshold)
    {
        FeatureRows other = second ?? first;
        CheckSizes(first, other);
        if (first.Rows.Count == 0 || other.Rows.Count == 0)
        {
            return [];
        }

        NativeTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor left = Normalized(first), right = second is null ? left : Normalized(second), limit = tensor(threshold);
        List<SimilarImages> pairs = [];
        for (int start = 0; start < first.Rows.Count; start += BlockRows)
        {
            using var block = NewDisposeScope();
            int count = Math.Min(BlockRows, first.Rows.Count - start);

            // Within one set, each pair once: with the rows from this block on.
            int from = second is null ? start : 0;
            Tensor cosines = left.narrow(0, start, count).matmul(right.narrow(0, from, other.Rows.Count - from).t());
            Tensor found = cosines.ge(limit).nonzero();
            long[] places = found.data<long>().ToArray();
            float[] values = cosines.masked_select(cosines.ge(limit)).data<float>().ToArray();
            for (int i = 0; i < values.Length; i++)
            {
                int row = start + (int)places[2 * i], column = from + (int)places[(2 * i) + 1];
                if (second is not null || column > row)
                {
                    pairs.Add(new SimilarImages
                    {
                        FirstRow = first.Rows[row],
                        SecondRow = other.Rows[column],
                        FirstPath = first.Names[row],
                        SecondPath = other.Names[column],
                        Similarity = Math.Min(values[i], 1),
                    });
                }
            }
        }

        return [.. pairs.OrderByDescending(pair => pair.Similarity)];
    }

    /// <summary>The most similar image of the reference set for each image, the most novel first.</summary>
    /// <exception cref="ArgumentException">The two have features of different sizes.</exception>
    /// <exception cref="InvalidOperationException">The reference set is empty.</exception>
    public static IReadOnlyList<ImageNovelty> Nearest(FeatureRows data, FeatureRows reference)
    {
        CheckSizes(data, reference);
        if (reference.Rows.Count == 0)
        {
            throw new InvalidOperationException("The reference set has no image whose features are known.");
        }

        NativeTorch.EnsureLoaded();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor left = Normalized(data), right = Normalized(reference);
        List<ImageNovelty> found = [];
        for (int start = 0; start < data.Rows.Count; start += BlockRows)
        {
            using var block = NewDisposeScope();
            int count = Math.Min(BlockRows, data.Rows.Count - start);
            var (cosines, nearest) = left.narrow(0, start, count).matmul(right.t()).max(1);
            float[] values = cosines.data<float>().ToArray();
            long[] places = nearest.data<long>().ToArray();
            found.AddRange(Enumerable.Range(0, count).Select(i => new ImageNovelty
            {
                Row = data.Rows[start + i],
                ImagePath = data.Names[start + i],
                NearestRow = reference.Rows[(int)places[i]],
                NearestPath = reference.Names[(int)places[i]],
                Novelty = Math.Max(1 - values[i], 0),
            }));
        }

        return [.. found.OrderByDescending(image => image.Novelty)];
    }

    private static void CheckSizes(FeatureRows first, FeatureRows second)
    {
        if (first.FeatureCount != second.FeatureCount)
        {
            throw new ArgumentException($"The data have {first.FeatureCount} features and the others {second.FeatureCount}, expected features of the same network.");
        }
    }

    private static Tensor Normalized(FeatureRows rows) => nn.functional.normalize(tensor(rows.Features, [rows.Rows.Count, rows.FeatureCount]), p: 2, dim: 1);
}
