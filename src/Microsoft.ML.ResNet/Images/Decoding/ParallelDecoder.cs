namespace Microsoft.ML.ResNet.Images;

/// <summary>Decodes images on several threads.</summary>
internal static class ParallelDecoder
{
    /// <summary>Decodes all images.</summary>
    /// <returns>In the given order, each image or what was wrong with it; the caller disposes the images.</returns>
    public static IReadOnlyList<(int Index, PixelImage? Image, Exception? Fault)> Decode(IReadOnlyList<PendingImage> images, TrainingImageFitter fitter, int threads)
    {
        var results = new (int Index, PixelImage? Image, Exception? Fault)[images.Count];
        Parallel.For(0, images.Count, new ParallelOptions { MaxDegreeOfParallelism = threads }, i =>
        {
            try
            {
                results[i] = (i, images[i].Load(fitter), null);
            }
            catch (Exception exception) when (BadImageLog.IsBadImage(exception))
            {
                results[i] = (i, null, exception);
            }
        });
        return results;
    }
}
