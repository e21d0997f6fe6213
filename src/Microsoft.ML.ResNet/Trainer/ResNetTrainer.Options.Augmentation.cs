using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>The augmentation of training images; the properties below override single parts of the preset.</summary>
        /// <value>Default: <see cref="AugmentationPreset.Auto"/>.</value>
        [Choice(AugmentationPreset.Auto, AugmentationPreset.None, AugmentationPreset.Light, AugmentationPreset.Standard, AugmentationPreset.Strong)]
        public AugmentationPreset Augmentation { get; set; } = AugmentationPreset.Auto;

        /// <summary>
        /// The pixels of black border that a random crop may reach into, where images are no larger than the network's input; larger
        /// images are cropped without a border.
        /// </summary>
        /// <value>Default: null: as the preset has it, an eighth of the image size (4 of 32, as He et al. 2015, section 4.2). Range: 0 to 512.</value>
        public int? RandomCropPadding { get; set; }

        /// <summary>The minimum fraction of an image's area that a random resized crop takes (Szegedy et al. 2014, section 6); 1 turns it off.</summary>
        /// <value>Default: null: as the preset has it. Range: 0.01 to 1.</value>
        public double? RandomResizedCropMinScale { get; set; }

        /// <summary>Whether each training image is mirrored left to right with a probability of one half. Turn it off where left and right differ in meaning, as in text.</summary>
        /// <value>Default: null: as the preset has it; all but <see cref="AugmentationPreset.None"/> do.</value>
        public bool? HorizontalFlip { get; set; }

        /// <summary>Whether each training image is mirrored top to bottom with a probability of one half, as suits pictures from above.</summary>
        /// <value>Default: false.</value>
        public bool VerticalFlip { get; set; }

        /// <summary>
        /// How far brightness, contrast and saturation vary: by a factor of 1 - value to 1 + value; the hue by a tenth of the value, in turns
        /// of the colour circle. Not for pixel vectors of unknown range. 0 turns it off.
        /// </summary>
        /// <value>Default: null: as the preset has it. Range: 0 to 1.</value>
        public double? ColorJitter { get; set; }

        /// <summary>Whether each training image undergoes one operation at random, of random strength (TrivialAugment; Mueller and Hutter 2021).</summary>
        /// <value>Default: null: as the preset has it.</value>
        public bool? TrivialAugment { get; set; }

        /// <summary>The probability that a rectangle of a training image is erased (Zhong et al. 2017).</summary>
        /// <value>Default: null: as the preset has it. Range: 0 to 1.</value>
        public double? RandomErasing { get; set; }

        /// <summary>The parameter of the Beta distribution from which MixUp draws the share of an image in a mixture (Zhang et al. 2017, who take 0.1 to 0.4); 0 turns it off.</summary>
        /// <value>Default: null: as the preset has it. Range: 0 to 10.</value>
        public double? MixUpAlpha { get; set; }

        /// <summary>The parameter of the Beta distribution from which CutMix draws the area that is kept (Yun et al. 2019, who take 1); 0 turns it off. With MixUp, each image undergoes one of them.</summary>
        /// <value>Default: null: as the preset has it. Range: 0 to 10.</value>
        public double? CutMixAlpha { get; set; }

        /// <summary>The probability that an image is mixed, where MixUp or CutMix is on.</summary>
        /// <value>Default: null: as the preset has it. Range: 0 to 1.</value>
        public double? MixProbability { get; set; }

        /// <summary>
        /// The scale of width and height of the training images at the beginning; they grow to the whole size over the first seven tenths
        /// of the training (Tan and Le 2021, section 4). Small images cost less, so that more epochs fit into the same time: worth it in
        /// long trainings, and on large images. 1 turns it off.
        /// </summary>
        /// <value>Default: null: 0.5 for a training from scratch of 60 epochs or more on images of 24 to 64 pixels, else 1. Range: 0.25 to 1.</value>
        [Range(0.25, 1.0, init: 1.0)]
        public double? InitialImageScale { get; set; }
    }
}
