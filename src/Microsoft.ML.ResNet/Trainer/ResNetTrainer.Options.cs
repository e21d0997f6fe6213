using System.Text.Json.Serialization;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    /// <summary>Every setting of a <see cref="ResNetTrainer"/>. The trainer copies the object and never writes to it.</summary>
    public sealed partial class Options
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

        /// <summary>The name of a column of type <c>Single</c> that says how much each row counts in the loss, 0 or more.</summary>
        /// <value>Default: null: all rows count the same.</value>
        public string? ExampleWeightColumnName { get; set; }

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

        /// <summary>
        /// The folder that relative image paths are relative to, in training and with the fitted model. It is saved with the model, as that of LoadImages is:
        /// <see cref="ResNetTransformer.WithImageFolder"/> sets another one.
        /// </summary>
        /// <value>Default: null, the current directory.</value>
        public string? ImageFolder { get; set; }

        /// <summary>
        /// The width and height of the network's input, in pixels. Image files are brought to this size. Pixel vectors have a size of their
        /// own, which must equal this one where both are given; a vector without dimensions takes this one.
        /// </summary>
        /// <value>
        /// Default: null. Image files: the median short side of the first 64 training images, at most 224; where training starts with weights that state their size, this size, or 96 where the images
        /// have at most 64 pixels and the weights are for more and for no classes of their own. Range: 8 to 4096.
        /// </value>
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
        /// <value>Default: null: half of the memory that the process may use; with <see cref="ProcessGroup"/>, each process on a machine its part of that. Range: 0 or more.</value>
        public long? CacheMemoryLimit { get; set; }

        /// <summary>
        /// Whether image files are read and decoded anew in each epoch, and neither kept in memory nor in a temporary file: for more images than
        /// these hold. A row then takes some 100 bytes of memory. For columns of paths.
        /// </summary>
        /// <value>Default: null: for images in tar files (<c>LoadImageShards</c>) that take more than <see cref="CacheMemoryLimit"/> when decoded, about. Others are cached.</value>
        public bool? StreamImages { get; set; }

        /// <summary>
        /// The images in the buffer that tar files are shuffled in. In each epoch they are read in another order, each from its beginning to its end into the buffer, and
        /// images to train on are drawn from the buffer at random. Larger buffers mix better, and take the memory of so many encoded images while images are streamed. A buffer of all images
        /// shuffles as folders are shuffled.
        /// </summary>
        /// <value>Default: 4096. Range: 1 or more.</value>
        public int ShuffleBufferSize { get; set; } = 4096;

        /// <summary>
        /// The numbers that the network is trained with: convolutions and activations in float32 or bfloat16. Two machines of which only one
        /// trains in bfloat16 have different models with <see cref="TrainingPrecision.Auto"/>, of the same accuracy.
        /// </summary>
        /// <value>Default: <see cref="TrainingPrecision.Auto"/>.</value>
        public TrainingPrecision Precision { get; set; } = TrainingPrecision.Auto;

        /// <summary>The numbers that the trained model scores with. They are saved with it; <see cref="ResNetTransformer.WithScoringPrecision"/> changes them later.</summary>
        /// <value>Default: <see cref="ScoringPrecision.Float32"/>.</value>
        public ScoringPrecision ScoringPrecision { get; set; } = ScoringPrecision.Float32;

        /// <summary>
        /// What the trained model scores with on the CPU in float32: this library's kernels or libtorch. It isn't saved with the model, since the faster one depends on the
        /// machine; <see cref="ResNetTransformer.WithScoringBackend"/> changes it later.
        /// </summary>
        /// <value>Default: <see cref="ScoringBackend.Auto"/>.</value>
        public ScoringBackend ScoringBackend { get; set; } = ScoringBackend.Auto;

        /// <summary>The seed of weight initialisation, shuffling and augmentation. On a CPU with the same number of threads, the same seed gives the same model.</summary>
        /// <value>Default: null: the seed of the <see cref="MLContext"/>, or a new one for each Fit where that has none.</value>
        public int? Seed { get; set; }

        /// <summary>Called at the end of each epoch, on the thread that trains. An exception from it ends the training.</summary>
        /// <value>Default: null.</value>
        [JsonIgnore]
        public Action<EpochMetrics>? EpochCallback { get; set; }

        /// <summary>
        /// Told after each batch, from the thread that trains; for progress bars. Within an epoch on a GPU, loss, accuracy and <see cref="EpochMetrics.ImageCount"/>
        /// are up to eight batches old; those of a whole epoch are complete. While features are computed, <see cref="EpochMetrics.Step"/> is 0, batches are images, and the loss is NaN.
        /// </summary>
        /// <value>Default: null.</value>
        [JsonIgnore]
        public IProgress<EpochMetrics>? Progress { get; set; }

        /// <summary>The number of classes of which one has to be right for the top-k accuracies of <see cref="EpochMetrics"/>; where there are fewer, all of them.</summary>
        /// <value>Default: 5. Range: 1 to 1,000.</value>
        public int TopK { get; set; } = 5;

        /// <summary>Ends the training within one batch, as <see cref="CancellationHandling"/> says. The <see cref="MLContext"/>'s cancellation does the same.</summary>
        /// <value>Default: none.</value>
        [JsonIgnore]
        public CancellationToken CancellationToken { get; set; }

        /// <summary>What happens on cancellation.</summary>
        /// <value>Default: <see cref="CancellationHandling.Throw"/>.</value>
        public CancellationHandling CancellationHandling { get; set; } = CancellationHandling.Throw;
    }
}
