using Microsoft.ML.ResNet.Images;

namespace Microsoft.ML.ResNet.Datasets;

/// <summary>Settles how images become network input and reads a data set into memory.</summary>
internal sealed class TrainingDataReader(
    ReadingSettings settings, ImageColumn column, Action checkCancelled, Action<string> inform)
{
    private readonly ImageLoader _images = new(column, settings, checkCancelled, inform);
    private readonly PixelVectorLoader _pixels = new(column, settings.BadImages, settings.Cache, checkCancelled, settings.HasFingerprints);

    public TrainingData Read(IDataView data, LabeledRows rows)
    {
        if (settings.StreamImages == true && column.Kind != FeatureKind.Path)
        {
            throw new ArgumentException(
                $"StreamImages is set, but feature column '{column.Name}' holds the images themselves, expected a column of Text with the paths of image files, such as LoadImageFolder and LoadImageShards give. Leave StreamImages out.");
        }

        var values = new PixelValues(PixelRange.ZeroTo255);
        ImagePreprocessing preprocessing;
        if (column.Kind == FeatureKind.Pixels)
        {
            CheckSize();
            values = new PixelValues(_pixels.DetermineRange(data, settings.PixelRange));
            if (settings.PixelRange == PixelRange.Auto)
            {
                inform($"The pixel values of column '{column.Name}' are taken as {values.Range}. Set PixelRange where that is wrong.");
            }

            preprocessing = Preprocessing(column.Width, column.Height);
        }
        else
        {
            int size = settings.ImageSize ?? ChooseSize(data, rows);
            preprocessing = Preprocessing(size, size);
        }

        var (images, skipped, known) = Load(data, rows, preprocessing, values, "training");
        return new TrainingData
        {
            Training = images,
            Skipped = skipped,
            HasWeights = rows.Columns.Weight is not null,
            Labels = LabelValues.Of(rows.Labels.Column, rows.Labels.ClassCount),
            Column = column,
            Preprocessing = preprocessing,
            Values = known,
        };
    }

    /// <summary>Reads a validation set the way the training set was read.</summary>
    /// <returns>The images, and what was left out, as a sentence.</returns>
    public (ImageDataset Images, string? Skipped) ReadValidation(IDataView data, LabeledRows rows, TrainingData training)
    {
        var (images, skipped, _) = Load(data, rows, training.Preprocessing, training.Values, "validation");
        return (images, skipped);
    }

    private (ImageDataset Images, string? Skipped, PixelValues Values) Load(IDataView data, LabeledRows rows, ImagePreprocessing preprocessing, PixelValues values, string set)
    {
        ImageDataset images;
        BadImageLog bad;
        if (column.Kind == FeatureKind.Pixels)
        {
            (images, bad, values) = _pixels.Load(data, rows, preprocessing, values);
        }
        else
        {
            (images, bad) = _images.Load(data, rows, preprocessing);
        }

        return (images, bad.Count == 0 ? null : $"Of the {set} set, {bad.Summary(images.Count + bad.Count)}", values);
    }

    /// <summary>
    /// The size of the images, or that of the weights that training starts with. Small images are not enlarged to these: a classifier fitted to
    /// features of CIFAR-10 was as good at 96 pixels as at 224, where a step takes five times as long.
    /// </summary>
    private int ChooseSize(IDataView data, LabeledRows rows)
    {
        const int small = 64, enough = 96;
        int measured = _images.ChooseSize(data, rows);
        if (settings.StartImageSize is not { } start)
        {
            return measured;
        }

        if (measured > small || start <= enough)
        {
            return start;
        }

        inform($"The images have {measured} pixels, and the weights were made with {start}: they are enlarged to {enough}. Set ImageSize for another size.");
        return enough;
    }

    private void CheckSize()
    {
        if (settings.ImageSize is { } size && (size != column.Width || size != column.Height))
        {
            throw new ArgumentException(
                $"ImageSize is {size}, but feature column '{column.Name}' has pixels of {column.Width}x{column.Height}. Leave ImageSize out, or resize the images before ExtractPixels.");
        }
    }

    private ImagePreprocessing Preprocessing(int width, int height)
    {
        float[] mean = settings.Mean ?? ImagePreprocessing.DefaultMean(column.Channels);
        float[] deviation = settings.StandardDeviation ?? ImagePreprocessing.DefaultStandardDeviation(column.Channels);
        if (mean.Length != column.Channels || deviation.Length != column.Channels)
        {
            throw new ArgumentException(
                $"Mean has {mean.Length} and StandardDeviation {deviation.Length} values, but the images of column '{column.Name}' have {column.Channels} channels, expected one value a channel.");
        }

        return new ImagePreprocessing
        {
            Width = width,
            Height = height,
            Fit = settings.ImageFit,
            ShortSide = settings.ImageFit == ImageFit.ShortSideCrop ? ImagePreprocessing.DefaultShortSide(Math.Min(width, height)) : Math.Min(width, height),
            Mean = Array.AsReadOnly((float[])mean.Clone()),
            StandardDeviation = Array.AsReadOnly((float[])deviation.Clone()),
        };
    }
}
