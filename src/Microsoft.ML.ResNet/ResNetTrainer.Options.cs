using System.Globalization;
using System.Reflection;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    /// <summary>Every setting of a <see cref="ResNetTrainer"/>. The trainer copies the object and never writes to it.</summary>
    public sealed class Options
    {
        /// <summary>The name of the label column, of key type.</summary>
        /// <value>Default: <c>Label</c>.</value>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>
        /// The name of the image column: <c>Text</c> (the path of an image file), a vector of <c>Byte</c> (the content of an image file, as
        /// LoadRawImageBytes gives), <c>MLImage</c> (as LoadImages gives; never changed or disposed), or a vector of <c>Single</c> with three
        /// dimensions (pixels, as ExtractPixels gives).
        /// </summary>
        /// <value>Default: <c>Features</c>.</value>
        public string FeatureColumnName { get; set; } = "Features";

        /// <summary>The name of the output column with the class probabilities.</summary>
        /// <value>Default: <c>Score</c>.</value>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The name of the output column with the most probable class.</summary>
        /// <value>Default: <c>PredictedLabel</c>.</value>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>The network, one of the well-known residual networks. Ignored where <see cref="Specification"/> is set.</summary>
        /// <value>Default: <see cref="ResNetArchitecture.ResNet18"/>.</value>
        public ResNetArchitecture Architecture { get; set; } = ResNetArchitecture.ResNet18;

        /// <summary>The network, described freely, in place of <see cref="Architecture"/>.</summary>
        /// <value>Default: null.</value>
        public ResNetSpecification? Specification { get; set; }

        /// <summary>The folder that relative image paths are relative to.</summary>
        /// <value>Default: null, the current directory.</value>
        public string? ImageFolder { get; set; }

        /// <summary>
        /// The width and height of the network's input, in pixels. Image files are brought to this size. Pixel vectors have a size of their
        /// own, which must equal this one where both are given; a vector without dimensions takes this one.
        /// </summary>
        /// <value>Default: null. Image files: the median short side of the first 64 training images, at most 224. Range: 8 to 4096.</value>
        public int? ImageSize { get; set; }

        /// <summary>How an image file that is not square becomes the network's square input.</summary>
        /// <value>Default: <see cref="ImageFit.ShortSideCrop"/>.</value>
        public ImageFit ImageFit { get; set; } = ImageFit.ShortSideCrop;

        /// <summary>The order of the values in a pixel vector.</summary>
        /// <value>Default: <see cref="PixelLayout.Auto"/>.</value>
        public PixelLayout PixelLayout { get; set; } = PixelLayout.Auto;

        /// <summary>The meaning of the values in a pixel vector.</summary>
        /// <value>Default: <see cref="PixelRange.Auto"/>.</value>
        public PixelRange PixelRange { get; set; } = PixelRange.Auto;

        /// <summary>
        /// The mean of each channel, of pixels scaled to 0 to 1, that is subtracted from the network's input. Not used for pixel
        /// vectors that are normalised already.
        /// </summary>
        /// <value>Default: null: ImageNet's 0.485, 0.456, 0.406 (as torchvision uses them), or 0.449 for one channel.</value>
        public float[]? Mean { get; set; }

        /// <summary>The standard deviation of each channel, of pixels scaled to 0 to 1, that the network's input is divided by.</summary>
        /// <value>Default: null: ImageNet's 0.229, 0.224, 0.225 (as torchvision uses them), or 0.226 for one channel. Range: above 0.</value>
        public float[]? StandardDeviation { get; set; }

        /// <summary>What to do with an image that can't be read, in training and in scoring.</summary>
        /// <value>Default: <see cref="BadImageHandling.Throw"/>.</value>
        public BadImageHandling BadImages { get; set; } = BadImageHandling.Throw;

        /// <summary>
        /// The memory in bytes that decoded training and validation images may take, each; what is beyond it goes to a temporary file in
        /// <c>MLContext.TempFilePath</c>, which is removed when training ends, however it ends. An image takes three bytes a pixel at the
        /// size from which the network's input is cut: at 224 pixels, 256 on the short side, about 260 kB for a 4:3 picture.
        /// </summary>
        /// <value>Default: null: half of the memory that the process may use. Range: 0 or more.</value>
        public long? CacheMemoryLimit { get; set; }

        /// <summary>How often training goes through all images.</summary>
        /// <value>Default: 30. Range: 1 to 10,000.</value>
        [Range(1, 10_000, init: 30, logBase: true)]
        public int Epochs { get; set; } = 30;

        /// <summary>The number of images in an optimiser step. The last batch of an epoch may be smaller; a single image that would be left over joins the batch before it.</summary>
        /// <value>Default: 32. Range: 2 to 4,096.</value>
        [Range(2, 4_096, init: 32, logBase: true)]
        public int BatchSize { get; set; } = 32;

        /// <summary>The learning rate at its highest, after warm-up.</summary>
        /// <value>
        /// Default: 0.05, for the default <see cref="BatchSize"/>: He et al. 2015, section 4.2, have 0.1 for batches of 128, and half of it was
        /// best here for batches of 32. Change both in step. Range: 1e-6 to 10.
        /// </value>
        [Range(1e-6, 10.0, init: 0.05, logBase: true)]
        public double LearningRate { get; set; } = 0.05;

        /// <summary>The epochs in which the learning rate rises linearly from a hundredth of <see cref="LearningRate"/>; after them it falls along a cosine to zero.</summary>
        /// <value>Default: 2. Range: 0 to 10,000; more than half of <see cref="Epochs"/> is cut to half of them.</value>
        public double WarmupEpochs { get; set; } = 2;

        /// <summary>The momentum of stochastic gradient descent.</summary>
        /// <value>Default: 0.9 (He et al. 2015, section 3.4). Range: 0 to 0.999.</value>
        [Range(0.0, 0.999, init: 0.9)]
        public double Momentum { get; set; } = 0.9;

        /// <summary>The weight decay of convolutions and of the head's weights; norms and biases have none.</summary>
        /// <value>Default: 5e-4. Range: 0 to 1.</value>
        [Range(0.0, 1.0, init: 5e-4)]
        public double WeightDecay { get; set; } = 5e-4;

        /// <summary>The share of the target probability that is spread evenly over all classes (Szegedy et al. 2015, section 7).</summary>
        /// <value>Default: 0. Range: 0 to 0.9.</value>
        [Range(0.0, 0.9, init: 0.0)]
        public double LabelSmoothing { get; set; }

        /// <summary>
        /// The pixels of black border that a random crop may reach into, where images are no larger than the network's input; larger
        /// images are cropped without a border.
        /// </summary>
        /// <value>Default: null: an eighth of the image size (4 of 32, as He et al. 2015, section 4.2). Range: 0 to 512. 0 turns it off.</value>
        public int? RandomCropPadding { get; set; }

        /// <summary>Whether each training image is mirrored left to right with a probability of one half. Turn it off where left and right differ in meaning, as in text.</summary>
        /// <value>Default: true.</value>
        public bool HorizontalFlip { get; set; } = true;

        /// <summary>A data set that is scored after every epoch, with the training set's columns and label keys.</summary>
        /// <value>Default: null.</value>
        public IDataView? ValidationSet { get; set; }

        /// <summary>The seed of weight initialisation, shuffling and augmentation. On a CPU with the same number of threads, the same seed gives the same model.</summary>
        /// <value>Default: null: the seed of the <see cref="MLContext"/>, or a new one for each Fit where that has none.</value>
        public int? Seed { get; set; }

        /// <summary>Called at the end of each epoch, on the thread that trains. An exception from it ends the training.</summary>
        /// <value>Default: null.</value>
        public Action<EpochMetrics>? EpochCallback { get; set; }

        /// <summary>Told after each batch, from the thread that trains; for progress bars.</summary>
        /// <value>Default: null.</value>
        public IProgress<EpochMetrics>? Progress { get; set; }

        /// <summary>Ends the training within one batch, with an <see cref="OperationCanceledException"/>.</summary>
        /// <value>Default: none.</value>
        public CancellationToken CancellationToken { get; set; }

        /// <summary>Checks all settings.</summary>
        /// <exception cref="ArgumentException">At least one setting is out of its range; the message lists every fault.</exception>
        public void Validate()
        {
            List<string> faults = [];
            CheckNames(faults);
            CheckRanges(faults);
            CheckNormalization(faults);
            if (ImageSize is < 8 or > 4096)
            {
                faults.Add(Fault(nameof(ImageSize), ImageSize, "8 to 4096, or null"));
            }

            if (!(WarmupEpochs is >= 0 and <= 10_000))
            {
                faults.Add(Fault(nameof(WarmupEpochs), WarmupEpochs, "0 to 10000"));
            }

            if (CacheMemoryLimit < 0)
            {
                faults.Add(Fault(nameof(CacheMemoryLimit), CacheMemoryLimit, "0 or more, or null"));
            }

            if (RandomCropPadding is < 0 or > 512)
            {
                faults.Add(Fault(nameof(RandomCropPadding), RandomCropPadding, "0 to 512, or null"));
            }

            CheckDefined(faults, nameof(Architecture), Architecture);
            CheckDefined(faults, nameof(ImageFit), ImageFit);
            CheckDefined(faults, nameof(PixelLayout), PixelLayout);
            CheckDefined(faults, nameof(PixelRange), PixelRange);
            CheckDefined(faults, nameof(BadImages), BadImages);
            try
            {
                Specification?.Validate();
            }
            catch (ArgumentException exception)
            {
                faults.Add(exception.Message);
            }

            if (faults.Count > 0)
            {
                throw new ArgumentException($"ResNetTrainer.Options has {faults.Count} fault{(faults.Count == 1 ? "" : "s")}: {string.Join(" ", faults)}");
            }
        }

        internal Options Copy() => (Options)MemberwiseClone();

        private void CheckNames(List<string> faults)
        {
            (string Property, string? Value)[] names =
            [
                (nameof(LabelColumnName), LabelColumnName),
                (nameof(FeatureColumnName), FeatureColumnName),
                (nameof(ScoreColumnName), ScoreColumnName),
                (nameof(PredictedLabelColumnName), PredictedLabelColumnName),
            ];
            faults.AddRange(names.Where(name => string.IsNullOrWhiteSpace(name.Value)).Select(name => $"{name.Property} is empty; expected a column's name."));
            if (ScoreColumnName == PredictedLabelColumnName)
            {
                faults.Add($"{nameof(ScoreColumnName)} and {nameof(PredictedLabelColumnName)} are both '{ScoreColumnName}'; expected different names.");
            }
        }

        /// <summary>The bounds that hyper-parameter search sees are the bounds that are enforced.</summary>
        private void CheckRanges(List<string> faults)
        {
            foreach (PropertyInfo property in typeof(Options).GetProperties())
            {
                if (property.GetCustomAttribute<RangeAttribute>() is { } range)
                {
                    double value = Convert.ToDouble(property.GetValue(this), CultureInfo.InvariantCulture);
                    double minimum = Convert.ToDouble(range.Min, CultureInfo.InvariantCulture);
                    double maximum = Convert.ToDouble(range.Max, CultureInfo.InvariantCulture);
                    if (!(value >= minimum && value <= maximum))
                    {
                        faults.Add(Fault(property.Name, value, string.Create(CultureInfo.InvariantCulture, $"{minimum} to {maximum}")));
                    }
                }
            }
        }

        private void CheckNormalization(List<string> faults)
        {
            if (Mean is not null && Mean.Any(value => !float.IsFinite(value)))
            {
                faults.Add($"{nameof(Mean)} has a value that is not finite.");
            }

            if (StandardDeviation is not null && StandardDeviation.Any(value => !(value > 0 && float.IsFinite(value))))
            {
                faults.Add($"{nameof(StandardDeviation)} has a value that is not above 0.");
            }

            if (Mean is not null && StandardDeviation is not null && Mean.Length != StandardDeviation.Length)
            {
                faults.Add($"{nameof(Mean)} has {Mean.Length} values and {nameof(StandardDeviation)} {StandardDeviation.Length}; expected one a channel in each.");
            }
        }

        private static void CheckDefined<TEnum>(List<string> faults, string name, TEnum value)
            where TEnum : struct, Enum
        {
            if (!Enum.IsDefined(value))
            {
                faults.Add(Fault(name, value, string.Join(", ", Enum.GetNames<TEnum>())));
            }
        }

        private static string Fault(string name, object? value, string expected)
            => string.Create(CultureInfo.InvariantCulture, $"{name} is {value}; expected {expected}.");
    }
}
