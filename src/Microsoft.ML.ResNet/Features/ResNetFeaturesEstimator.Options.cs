
namespace Microsoft.ML.ResNet;

public sealed partial class ResNetFeaturesEstimator
{
    /// <summary>Every setting of a <see cref="ResNetFeaturesEstimator"/>. The estimator copies the object and never writes to it.</summary>
    public sealed class Options
    {
        /// <summary>The weights of the network.</summary>
        /// <value>Default: null, which is refused: one of <see cref="ResNetWeights"/>' sources must be given.</value>
        public ResNetWeights? Weights { get; set; }

        /// <summary>The name of the output column, a vector of <c>Single</c>.</summary>
        /// <value>Default: <c>Features</c>.</value>
        public string OutputColumnName { get; set; } = "Features";

        /// <summary>
        /// The name of the image column: <c>Text</c> (the path of an image file), a vector of <c>Byte</c> (the content of one), <c>MLImage</c>,
        /// or a vector of <c>Single</c> with three dimensions (pixels, as ExtractPixels gives).
        /// </summary>
        /// <value>Default: <c>ImagePath</c>.</value>
        public string InputColumnName { get; set; } = "ImagePath";

        /// <summary>The folder that relative image paths are relative to. It is saved with a model, as that of LoadImages is.</summary>
        /// <value>Default: null, the current directory.</value>
        public string? ImageFolder { get; set; }

        /// <summary>The width and height to which image files are brought, in pixels. Pixel vectors have a size of their own.</summary>
        /// <value>Default: null: that which the weights were trained with, else 224 (32 with the CIFAR stem). Range: 8 to 4096.</value>
        public int? ImageSize { get; set; }

        /// <summary>The order of the values in a pixel vector.</summary>
        /// <value>Default: <see cref="PixelLayout.Auto"/>.</value>
        public PixelLayout PixelLayout { get; set; } = PixelLayout.Auto;

        /// <summary>The meaning of the values in a pixel vector.</summary>
        /// <value>Default: <see cref="PixelRange.Auto"/>.</value>
        public PixelRange PixelRange { get; set; } = PixelRange.Auto;

        /// <summary>How an image that can't be read is handled: an exception, or features that are NaN.</summary>
        /// <value>Default: <see cref="BadImageHandling.Throw"/>.</value>
        public BadImageHandling BadImages { get; set; } = BadImageHandling.Throw;

        /// <summary>Checks every setting.</summary>
        /// <exception cref="ArgumentException">A setting is out of its range; the message lists every fault.</exception>
        public void Validate()
        {
            string[] faults = [.. Faults()];
            if (faults.Length > 0)
            {
                throw new ArgumentException($"The options of ResNetFeatures can't be used: {string.Join(" ", faults)}");
            }
        }

        internal Options Copy() => (Options)MemberwiseClone();

        private IEnumerable<string> Faults()
        {
            if (Weights is null)
            {
                yield return "Weights is null, expected weights such as those of ResNetWeights.FromFile.";
            }
            else if (Weights.InputChannels is not (1 or 3))
            {
                yield return $"The weights of '{Weights.Source}' are of images with {Weights.InputChannels} channels, expected 1 or 3.";
            }

            if (string.IsNullOrWhiteSpace(OutputColumnName))
            {
                yield return "OutputColumnName is empty.";
            }

            if (string.IsNullOrWhiteSpace(InputColumnName))
            {
                yield return "InputColumnName is empty.";
            }

            if (ImageSize is < 8 or > 4096)
            {
                yield return FormattableString.Invariant($"ImageSize is {ImageSize}, expected 8 to 4096.");
            }

            if (!Enum.IsDefined(PixelLayout) || !Enum.IsDefined(PixelRange) || !Enum.IsDefined(BadImages))
            {
                yield return "PixelLayout, PixelRange or BadImages is none of the enumeration's members.";
            }
        }
    }
}
