using Microsoft.ML.ResNet;
using Microsoft.ML.ResNet.Calibrating;
using Microsoft.ML.ResNet.DataQuality;
using Microsoft.ML.ResNet.Datasets;
using Microsoft.ML.ResNet.Explaining;
using Microsoft.ML.ResNet.MLNet;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>The entry points of Microsoft.ML.ResNet in ML.NET's catalogs.</summary>
public static class ResNetCatalog
{
    /// <summary>Makes a trainer of a residual network that classifies images.</summary>
    /// <param name="catalog">The catalog of multiclass trainers.</param>
    /// <param name="labelColumnName">The label column, of key type (<c>MapValueToKey</c> makes it).</param>
    /// <param name="featureColumnName">The image column: <c>Text</c> (the path of an image file), a vector of <c>Byte</c> (the content of one), <c>MLImage</c>, or a vector of <c>Single</c> with three dimensions (pixels, as ExtractPixels gives).</param>
    /// <param name="architecture">The network.</param>
    /// <param name="epochs">How often training goes through all images, 1 to 10,000.</param>
    /// <param name="validationSet">A data set that is scored after every epoch, or null.</param>
    /// <returns>The estimator, to be appended to a pipeline. Its output columns are <c>PredictedLabel</c> and <c>Score</c>.</returns>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    public static ResNetTrainer ResNet(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        ResNetArchitecture architecture = ResNetArchitecture.ResNet18,
        int epochs = 30,
        IDataView? validationSet = null)
        => ResNet(catalog, new ResNetTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            Architecture = architecture,
            Epochs = epochs,
            ValidationSet = validationSet,
        });

    /// <summary>Makes a trainer of a residual network that classifies images, with every setting.</summary>
    /// <param name="catalog">The catalog of multiclass trainers.</param>
    /// <param name="options">The settings; they are copied.</param>
    /// <returns>The estimator, to be appended to a pipeline. Its output columns are <c>PredictedLabel</c> and <c>Score</c>.</returns>
    /// <exception cref="ArgumentException">A setting is out of its range; the message lists every fault.</exception>
    public static ResNetTrainer ResNet(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        ResNetTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ResNetTrainer(HostServices.GetEnvironment(catalog), options);
    }

    /// <summary>
    /// Finds rows whose label is likely wrong, by confident learning (Northcutt et al. 2021): a linear classifier is fitted to the features of the other folds, and a row is
    /// suspect where it is surer of another class than it is of the images of that class on the average. Features of a network that was trained on other images, as
    /// <see cref="ResNetWeights.ImageNet"/> was, know nothing of these labels.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="data">The data, with a column of features, as <c>ResNetFeatures</c> makes it; it is read once.</param>
    /// <param name="labelColumnName">The label column, of key type or text. Rows without a label are left out.</param>
    /// <param name="featureColumnName">The features, a vector of <c>Single</c> of known size.</param>
    /// <param name="imageColumnName">A column of text, such as the path, by which the rows are named; it may be missing.</param>
    /// <param name="folds">The folds; 2 to 20.</param>
    /// <param name="seed">Decides which row is in which fold.</param>
    /// <returns>All rows with a label and with features that are numbers, those whose label is the least probable first. <c>mlContext.Data.LoadFromEnumerable</c> makes a data set of them.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of folds is out of its range.</exception>
    /// <exception cref="InvalidOperationException">There are fewer than two classes, or fewer labelled rows than folds.</exception>
    public static IReadOnlyList<LabelSuspicion> FindLabelErrors(
        this MulticlassClassificationCatalog catalog,
        IDataView data,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string imageColumnName = "ImagePath",
        int folds = 5,
        int seed = 1)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return folds is >= 2 and <= 20
            ? ConfidentLearning.Find(FeatureRows.Read(data, featureColumnName, imageColumnName, labelColumnName), folds, seed)
            : throw new ArgumentOutOfRangeException(nameof(folds), folds, "Expected 2 to 20.");
    }

    /// <summary>
    /// Finds images that are the same or nearly so (resized, compressed again, cropped a little), by the cosine of their features: within one data set, or between two, such as
    /// the images that a model is trained on and those that it is tested with. All pairs are compared, exactly. Features of small images, with <c>ImageSize = 96</c>, care least for
    /// what resizing and compressing change.
    /// </summary>
    /// <param name="catalog">The catalog of data operations.</param>
    /// <param name="data">Images with a column of features, as <c>ResNetFeatures</c> makes it; it is read once.</param>
    /// <param name="others">Other images with features of the same network; null: the images of <paramref name="data"/> are compared with each other.</param>
    /// <param name="threshold">The cosine from which on two images are a pair; above 0, at most 1.</param>
    /// <param name="featureColumnName">The features, a vector of <c>Single</c> of known size.</param>
    /// <param name="imageColumnName">A column of text, such as the path, by which the rows are named; it may be missing.</param>
    /// <returns>The pairs, the most similar first. Rows whose features are no numbers, as those of an image that couldn't be read, are in none.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the two data sets have features of different sizes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The threshold is out of its range.</exception>
    public static IReadOnlyList<SimilarImages> FindDuplicateImages(
        this DataOperationsCatalog catalog,
        IDataView data,
        IDataView? others = null,
        float threshold = SimilarImages.DefaultThreshold,
        string featureColumnName = "Features",
        string imageColumnName = "ImagePath")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return threshold is > 0 and <= 1
            ? SimilaritySearch.Find(
                FeatureRows.Read(data, featureColumnName, imageColumnName),
                others is null ? null : FeatureRows.Read(others, featureColumnName, imageColumnName),
                threshold)
            : throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "Expected a number above 0, at most 1.");
    }

    /// <summary>
    /// Finds images that are unlike all those of a reference set, such as the images that a model was trained on: of something else than its classes, taken in another way, or
    /// damaged. A classifier may be sure of such an image nevertheless.
    /// </summary>
    /// <param name="catalog">The catalog of data operations.</param>
    /// <param name="data">Images with a column of features, as <c>ResNetFeatures</c> makes it; it is read once.</param>
    /// <param name="reference">Images with features of the same network; it is read once.</param>
    /// <param name="featureColumnName">The features, a vector of <c>Single</c> of known size.</param>
    /// <param name="imageColumnName">A column of text, such as the path, by which the rows are named; it may be missing.</param>
    /// <returns>All rows of <paramref name="data"/> with features that are numbers, which those of an image that couldn't be read are not, the most novel first.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the two data sets have features of different sizes.</exception>
    /// <exception cref="InvalidOperationException">The reference set is empty, or none of its rows has features that are numbers.</exception>
    public static IReadOnlyList<ImageNovelty> FindNovelImages(
        this DataOperationsCatalog catalog, IDataView data, IDataView reference, string featureColumnName = "Features", string imageColumnName = "ImagePath")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return SimilaritySearch.Nearest(FeatureRows.Read(data, featureColumnName, imageColumnName), FeatureRows.Read(reference, featureColumnName, imageColumnName));
    }

    /// <summary>Measures how far the probabilities of a classifier can be trusted: expected calibration error and reliability curve (Guo et al. 2017). It takes the scores of any trainer.</summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="data">Scored data.</param>
    /// <param name="labelColumnName">The label column, of key type.</param>
    /// <param name="scoreColumnName">The column of the probabilities, a vector with one for each key of the label.</param>
    /// <param name="binCount">The parts that the range of probabilities is divided into; 1 to 1,000.</param>
    /// <returns>The metrics, of the rows that have a label and scores.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the two differ in their classes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of bins is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row has a label and scores.</exception>
    public static CalibrationMetrics EvaluateCalibration(
        this MulticlassClassificationCatalog catalog, IDataView data, string labelColumnName = "Label", string scoreColumnName = "Score", int binCount = 10)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return binCount is >= 1 and <= 1000
            ? CalibrationMetrics.Of(ScoredRows.Read(data, labelColumnName, scoreColumnName), binCount)
            : throw new ArgumentOutOfRangeException(nameof(binCount), binCount, "Expected 1 to 1,000.");
    }

    /// <summary>
    /// Chooses the lowest probability at which predictions have a wanted precision, and tells how many rows still get one: for
    /// <see cref="ResNetTrainer.Options.MinimumScore"/>. It takes the scores of any trainer.
    /// </summary>
    /// <param name="catalog">The catalog of multiclass classification.</param>
    /// <param name="data">Scored data that the model was not trained on.</param>
    /// <param name="precision">The share of the predictions that should be right, of those that are given; above 0, at most 1.</param>
    /// <param name="labelColumnName">The label column, of key type.</param>
    /// <param name="scoreColumnName">The column of the probabilities, a vector with one for each key of the label.</param>
    /// <returns>The choice. Where no score has the precision, that of the highest.</returns>
    /// <exception cref="ArgumentException">A column is missing or of another type, or the two differ in their classes.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The precision is out of its range.</exception>
    /// <exception cref="InvalidOperationException">No row has a label and scores.</exception>
    public static MinimumScoreChoice ChooseMinimumScore(
        this MulticlassClassificationCatalog catalog, IDataView data, double precision, string labelColumnName = "Label", string scoreColumnName = "Score")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return precision is > 0 and <= 1
            ? MinimumScoreChoice.Choose(ScoredRows.Read(data, labelColumnName, scoreColumnName), precision)
            : throw new ArgumentOutOfRangeException(nameof(precision), precision, "Expected a number above 0, at most 1.");
    }

    /// <summary>
    /// Normalises pixel vectors channel by channel: <c>output = (input * scale - mean[channel]) / standardDeviation[channel]</c>. The
    /// output column says so in an annotation, from which <c>ResNet</c> knows what its values mean.
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="outputColumnName">The column to write, a vector of <c>Single</c> with the input's dimensions.</param>
    /// <param name="inputColumnName">The column to read: a vector of <c>Single</c> with dimensions [channels, height, width] or [height, width, channels], as ExtractPixels gives. Null: <paramref name="outputColumnName"/>.</param>
    /// <param name="mean">The mean of each channel, of pixels scaled to 0 to 1. Null: ImageNet's 0.485, 0.456, 0.406 (as torchvision uses them), or 0.449 for one channel.</param>
    /// <param name="standardDeviation">The standard deviation of each channel, of pixels scaled to 0 to 1; above 0. Null: ImageNet's 0.229, 0.224, 0.225 (as torchvision uses them), or 0.226 for one channel.</param>
    /// <param name="scale">The factor that brings pixels to 0 to 1: 1/255 for those of ExtractPixels.</param>
    /// <returns>The estimator, to be appended to a pipeline.</returns>
    /// <exception cref="ArgumentException">A deviation is not above 0, a number is not finite, or the lists differ in length.</exception>
    public static PixelNormalizingEstimator NormalizePixels(
        this TransformsCatalog catalog,
        string outputColumnName,
        string? inputColumnName = null,
        float[]? mean = null,
        float[]? standardDeviation = null,
        float scale = 1f / 255f)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new PixelNormalizingEstimator(outputColumnName, inputColumnName ?? outputColumnName, mean, standardDeviation, scale);
    }

    /// <summary>
    /// Computes the features of images with a residual network that was trained before: what its classifier reads, for ML.NET's own
    /// trainers, clustering, or the search for similar images.
    /// </summary>
    /// <remarks>
    /// Features are computed each time that the data is read. Before a trainer that reads it many times, such as SDCA, put
    /// <c>AppendCacheCheckpoint(mlContext)</c>.
    /// </remarks>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="outputColumnName">The column to write, a vector of <c>Single</c> of known size: 512 values with ResNet18.</param>
    /// <param name="inputColumnName">The image column: <c>Text</c> (the path of an image file), a vector of <c>Byte</c> (the content of one), <c>MLImage</c>, or a vector of <c>Single</c> with three dimensions (pixels, as ExtractPixels gives).</param>
    /// <param name="weights">The weights, such as <see cref="ResNetWeights.ImageNet"/> or <see cref="ResNetWeights.FromFile"/>.</param>
    /// <param name="imageFolder">The folder that relative image paths are relative to; null: the current directory.</param>
    /// <returns>The estimator, to be appended to a pipeline.</returns>
    /// <exception cref="ArgumentException">A name is empty, or the weights are of images that are neither RGB nor grey.</exception>
    public static ResNetFeaturesEstimator ResNetFeatures(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, ResNetWeights weights, string? imageFolder = null)
        => ResNetFeatures(catalog, new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            Weights = weights,
            ImageFolder = imageFolder,
        });

    /// <summary>
    /// Computes the features of images with the network of a fitted classifier, prepared as its images were. An image that can't be read is an exception or has features of NaN, as
    /// <see cref="ResNetTransformer.BadImages"/> of the classifier says.
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="outputColumnName">The column to write, a vector of <c>Single</c> of known size.</param>
    /// <param name="inputColumnName">The image column, of any type that holds images; it need not be that of the classifier.</param>
    /// <param name="classifier">The classifier. Its weights are copied: it may be disposed.</param>
    /// <returns>The estimator, to be appended to a pipeline.</returns>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public static ResNetFeaturesEstimator ResNetFeatures(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, ResNetTransformer classifier)
        => ResNetFeatures(catalog, new ResNetFeaturesEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            Weights = ResNetWeights.FromTransformer(classifier),
            BadImages = classifier.BadImages,
            ImageFolder = classifier.ImageFolder,
        });

    /// <summary>Computes the features of images with a residual network that was trained before, with every setting.</summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="options">The settings; they are copied.</param>
    /// <returns>The estimator, to be appended to a pipeline.</returns>
    /// <exception cref="ArgumentException">A setting is out of its range; the message lists every fault.</exception>
    public static ResNetFeaturesEstimator ResNetFeatures(this TransformsCatalog catalog, ResNetFeaturesEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ResNetFeaturesEstimator(HostServices.GetEnvironment(catalog), options);
    }

    /// <summary>
    /// Shows which parts of images speak for the class that a classifier takes them for, by Grad-CAM (Selvaraju et al. 2017): a picture of what the network sees of each image, with the
    /// map drawn over it. <see cref="ResNetTransformer.Explain(string, string?, int?)"/> gives the map itself, of any class. An image that can't be read is an exception, or has no picture
    /// (null), as <see cref="ResNetTransformer.BadImages"/> of the classifier says.
    /// </summary>
    /// <param name="catalog">The catalog of transforms.</param>
    /// <param name="outputColumnName">The column to write, an <c>MLImage</c> of the network's input size, or a multiple of it of at least 224 pixels: in a class of your own, a member with <c>[ImageType(224, 224)]</c>.</param>
    /// <param name="inputColumnName">The image column: <c>Text</c> (the path of an image file), a vector of <c>Byte</c> (the content of one), or <c>MLImage</c>.</param>
    /// <param name="classifier">The classifier, one that was trained on images. Its weights are copied by <c>Fit</c>.</param>
    /// <param name="stage">The stage of the network that is looked at, 1 for the first; null: the last.</param>
    /// <param name="opacity">How much the colour covers the image where most speaks for the class; 0 to 1.</param>
    /// <returns>The estimator, to be appended to a pipeline.</returns>
    /// <exception cref="ArgumentException">A name is empty, or a number is out of its range.</exception>
    public static ResNetExplanationEstimator ResNetExplanation(
        this TransformsCatalog catalog, string outputColumnName, string inputColumnName, ResNetTransformer classifier, int? stage = null, double opacity = 0.7)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ResNetExplanationEstimator(HostServices.GetEnvironment(catalog), classifier, new ExplanationColumns(outputColumnName, inputColumnName, stage, opacity));
    }

    /// <summary>
    /// Lists the images of a folder that has a sub-folder for each class. The rows are sorted by class and file name (ordinal, so that
    /// the order is the same on every system); sub-folders of a class folder belong to the class. A file whose extension doesn't tell is
    /// taken where its content is that of an image. Files and folders that are hidden or whose name begins with a dot are not. Links are followed,
    /// but for those to the folder itself and to folders above it, and nothing is listed twice in a class.
    /// </summary>
    /// <remarks>The log of the <see cref="MLContext"/> is warned of what is left out: files of other formats by extension, sub-folders without images, and images beside the sub-folders.</remarks>
    /// <param name="catalog">The catalog of data operations.</param>
    /// <param name="folder">The folder.</param>
    /// <returns>A data set with the columns <c>ImagePath</c> (Text: <paramref name="folder"/> and the path in it) and <c>Label</c> (Text: the name of the class folder).</returns>
    /// <exception cref="DirectoryNotFoundException">The folder doesn't exist, or is a file.</exception>
    /// <exception cref="InvalidOperationException">It has no sub-folders, or none with an image (JPEG, PNG, WebP, BMP, GIF).</exception>
    public static IDataView LoadImageFolder(this DataOperationsCatalog catalog, string folder)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        using IChannel channel = HostServices.GetEnvironment(catalog).Start(nameof(LoadImageFolder));
        return catalog.LoadFromEnumerable(ImageFolder.List(folder, warning => channel.Warning(MessageSensitivity.None, "{0}", warning)));
    }

    /// <summary>
    /// Lists the images of tar files, as WebDataset has them, for sets of more images than file systems and memory are fit for: files of the same key (the name up to its first dot), one after the other, are a sample, such as
    /// <c>0001.jpg</c> and <c>0001.cls</c>. The label is the text of <c>.cls</c>, the property <c>label</c> (or <c>cls</c>, <c>class</c>) of <c>.json</c>, or the text of <c>.txt</c>, whichever the first tar file has; where it has none of them, the folder that an image
    /// is in. So a tar file of folders of images will do, too.
    /// </summary>
    /// <remarks>
    /// Nothing is unpacked. A row's path goes on in the tar file: <c>train-000.tar/0001.jpg</c>; wherever this library takes the path of an image file, it takes such a one. Each reading of the data
    /// reads the headers of the tar files anew, in their order, and holds none of it. <see cref="ResNetTrainer.Options.StreamImages"/> and <see cref="ResNetTrainer.Options.ShuffleBufferSize"/> say how a training reads
    /// them. Tar files must not be compressed, and must not change while they are read.
    /// </remarks>
    /// <param name="catalog">The catalog of data operations.</param>
    /// <param name="shards">A tar file, a folder of them, or a pattern: <c>data/train-*.tar</c>, <c>data/train-{000..099}.tar</c>. They are taken in the order of their names.</param>
    /// <param name="labelExtension">The extension of the files that have the labels, such as <c>cls</c>; null: as said above; empty: labels are not read, for images that are to be classified.</param>
    /// <returns>A data set with the columns <c>ImagePath</c> (Text) and <c>Label</c> (Text).</returns>
    /// <exception cref="FileNotFoundException">No tar file matches (<see cref="DirectoryNotFoundException"/> where their folder doesn't exist).</exception>
    /// <exception cref="InvalidDataException">The first file is no whole tar file. What is wrong with others, an image without a label included, is thrown when the data is read.</exception>
    public static IDataView LoadImageShards(this DataOperationsCatalog catalog, string shards, string? labelExtension = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(shards);
        return catalog.LoadFromEnumerable(ImageShards.Open(shards, labelExtension, Warn));

        void Warn(string warning)
        {
            using IChannel channel = HostServices.GetEnvironment(catalog).Start(nameof(LoadImageShards));
            channel.Warning(MessageSensitivity.None, "{0}", warning);
        }
    }

    /// <summary>
    /// Saves a model like <c>mlContext.Model.Save</c>, but so that a file that is there is replaced only when the new one is complete and on the
    /// disk: a crash or a full disk leaves the older model as it was.
    /// </summary>
    /// <param name="catalog">The catalog of models.</param>
    /// <param name="model">The model, of whatever transformers.</param>
    /// <param name="inputSchema">The schema of the training data, or null.</param>
    /// <param name="path">The file to write, in a folder that is there.</param>
    /// <exception cref="IOException">The file can't be written.</exception>
    public static void SaveAtomically(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string path)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        AtomicFile.Write(path, stream => catalog.Save(model, inputSchema, stream));
    }
}
