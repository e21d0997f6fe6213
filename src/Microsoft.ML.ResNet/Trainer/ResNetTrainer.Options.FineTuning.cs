using System.Text.Json.Serialization;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>
        /// Weights to start from, instead of random ones. Their network takes the place of <see cref="Architecture"/>; their image size, mean and
        /// deviation hold where the options leave them open. The classifier is kept where they have one for the same classes.
        /// </summary>
        /// <value>Default: null.</value>
        [JsonIgnore]
        public ResNetWeights? PretrainedWeights { get; set; }

        /// <summary>The layers that are trained where training starts from <see cref="PretrainedWeights"/> or with a model.</summary>
        /// <value>
        /// Default: null: <see cref="FineTuningMode.HeadThenFull"/> where the classifier is new, or <see cref="FineTuningMode.Full"/> with several processes and where images are
        /// streamed; where it is kept, all of the network at the same learning rate, as a training that goes on.
        /// </value>
        public FineTuningMode? FineTuning { get; set; }

        /// <summary>
        /// The varied views of each image that the classifier is fitted to, beside the plain one, in <see cref="FineTuningMode.HeadOnly"/> and
        /// <see cref="FineTuningMode.HeadThenFull"/>. Each costs as much as the plain one.
        /// </summary>
        /// <value>
        /// Default: null: 4 for at most 2,000 images, fewer for more, so that all varied views are at most 8,000 and a million divided by the number of classes; none for more than 8,000 images, or where no augmentation varies
        /// them. With 240 photographs of flowers 4 views had 0.843 and none 0.817 (means of five folds of the training images), with 20 and 5 a class 0.818 and 0.822, and 0.690 and 0.692
        /// (means of three), with 4,000 images of CIFAR-10 2 views 0.753 and none 0.741. Range: 0 to 100.
        /// </value>
        [Range(0, 100, init: 4)]
        public int? FeatureViews { get; set; }

        /// <summary>In fine-tuning, the learning-rate multiplier of the network's last stage; the classifier uses <see cref="LearningRate"/> unchanged.</summary>
        /// <value>
        /// Default: 0.3. Range: 0 to 1. 0 leaves the network as it is. On 4,000 training images of CIFAR-10 at 64x64, four epochs, 0.1 had 0.749, 0.3 0.780 and 1 0.770 on others (one seed).
        /// </value>
        [Range(0.0, 1.0, init: 0.3)]
        public double BackboneLearningRateScale { get; set; } = 0.3;

        /// <summary>In fine-tuning, the factor from the learning rate of one stage to that of the stage before it (Howard and Ruder 2018, section 3.2).</summary>
        /// <value>Default: 0.7. Range: 0.01 to 1.</value>
        [Range(0.01, 1.0, init: 0.7)]
        public double StageLearningRateDecay { get; set; } = 0.7;

        /// <summary>
        /// Where training starts from <see cref="PretrainedWeights"/> or with a model, the number of stages, from the first on, that keep the weights and the statistics that they came with, and the stem with them. They are taken forward as fast as in scoring, and not backward.
        /// </summary>
        /// <value>Default: 0: all layers are trained. Range: 0 to 4, and at most the number of the network's stages; with all of them the classifier alone is trained.
        /// ResNet-18 at 224x224 trains 1.3, 1.6 and 2.1 times as many images a second with 1, 2 and 3 (float32, two cores). In ten epochs on 240 photographs of flowers 2 had 0.867 and 0 had 0.880 (means of
        /// five folds of the training images), in twelve on 4,000 images of CIFAR-10 0.832 and 0.841 (one seed).</value>
        [Range(0, 4, init: 0)]
        public int FrozenStages { get; set; }

        /// <summary>
        /// Where training starts from <see cref="PretrainedWeights"/> or with a model, whether batch normalisation keeps its running statistics instead of using those of each batch. Its weights and biases
        /// are trained in any case, but for those of <see cref="FrozenStages"/>.
        /// </summary>
        /// <value>
        /// Default: null: in fine-tuning true where the images are smaller than those that the weights were made with, else false. Weights of ImageNet, made with
        /// 224x224, on 4,000 training images of CIFAR-10 and others for testing: at 64x64 0.737 in two epochs with the statistics kept and 0.645 with those of the batches, at 96x96 0.808 and 0.755 in five (one
        /// seed). On 300 photographs at 224x224 no gain was seen: 0.88 either way in three epochs, 0.83 and 0.88 in six, one run each with 100 test
        /// images, whose noise is as large.
        /// </value>
        public bool? FreezeBatchNorm { get; set; }
    }
}
