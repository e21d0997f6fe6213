using System.Text.Json.Serialization;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>The number of passes over the training images.</summary>
        /// <value>Default: 30. Range: 1 to 10,000.</value>
        [Range(1, 10_000, init: 30, logBase: true)]
        public int Epochs { get; set; } = 30;

        /// <summary>
        /// The time that <c>Fit</c> may take, reading and evaluation included. Where <see cref="Epochs"/> don't fit into it, fewer are run:
        /// measured times say how many, and the learning rate still falls to its end. A validation takes at most a quarter of the time that is
        /// left before the first step: where all images of the validation set would take more, every epoch is validated on the same sample of
        /// them, 16 at least, each class by its share, and the metrics are those of the sample. An epoch whose successor would have less than a
        /// quarter of its steps isn't validated; the last one is. With <see cref="FineTuningMode.HeadOnly"/>, features are computed of as many
        /// images and <see cref="FeatureViews"/> as fit into the time, of one image of each class at least, and the fit ends in time; with
        /// <see cref="FineTuningMode.HeadThenFull"/> this takes at most three tenths of the time, and the training of all layers has the rest.
        /// A batch or a step is not interrupted: <c>Fit</c> may end later by one of them and one validation, and one step is trained in any
        /// case. A resumed training has what earlier runs left. A training that the limit makes shorter isn't repeatable by its seed; one that
        /// has time for everything equals a training without a limit.
        /// </summary>
        /// <value>Default: null: no limit. Range: above 0.</value>
        public TimeSpan? MaxTrainingTime { get; set; }

        /// <summary>
        /// The number of images in a batch: those of an optimiser step, unless <see cref="AccumulateSteps"/> or <see cref="ProcessGroup"/> make several batches one step. The last batch of an epoch may
        /// be smaller; a single image that would be left over joins the batch before it.
        /// </summary>
        /// <value>Default: 32. Range: 2 to 4,096.</value>
        [Range(2, 4_096, init: 32, logBase: true)]
        public int BatchSize { get; set; } = 32;

        /// <summary>
        /// The number of batches whose gradients are added up before the optimiser takes a step: as a batch so many times as large, in the memory of one. Batch normalisation takes its statistics
        /// from each batch by itself. Where <see cref="LearningRate"/> is left open, it grows with the images of a step.
        /// </summary>
        /// <value>Default: 1. Range: 1 to 10,000.</value>
        public int AccumulateSteps { get; set; } = 1;

        /// <summary>
        /// The processes that train the network together, such as <c>MpiProcessGroup</c> of the package <c>Microsoft.ML.ResNet.Mpi</c>: data-parallel stochastic gradient descent. Every process calls
        /// <c>Fit</c> with the same options and the same rows, trains on its part of the images, and gets the same model. Gradients and metrics are those of all of them; batch normalisation takes its
        /// statistics from the images of each process. Rank 0 reports, logs and writes checkpoints; a training resumes with any number of processes, as long as
        /// <see cref="BatchSize"/> times <see cref="AccumulateSteps"/> times the processes stays the same.
        /// </summary>
        /// <value>Default: null: this process alone.</value>
        [JsonIgnore]
        public IProcessGroup? ProcessGroup { get; set; }

        /// <summary>
        /// Whether batch normalisation takes its statistics from the batches of all processes together, as one process with a batch of all their images would: for batches of few images a process.
        /// It costs two exchanges a layer and step. It goes with training in float32, which <see cref="TrainingPrecision.Auto"/> is then, on CPUs with AVX2 or of Arm64.
        /// </summary>
        /// <value>Default: false. Without <see cref="ProcessGroup"/> it has no effect.</value>
        public bool SynchronizeBatchNorm { get; set; }

        /// <summary>The optimiser.</summary>
        /// <value>Default: <see cref="TrainingOptimizer.Sgd"/> (He et al. 2015, section 3.4).</value>
        [Choice(TrainingOptimizer.Sgd, TrainingOptimizer.AdamW)]
        public TrainingOptimizer Optimizer { get; set; } = TrainingOptimizer.Sgd;

        /// <summary>The peak learning rate, reached after warm-up.</summary>
        /// <value>
        /// Default: null. With SGD it is 0.05 for steps of 32 images and in proportion for others (Goyal et al. 2017, section 2.1; half of what He et
        /// al. 2015 have was best here), and 0.1 for a training from scratch of 60 epochs or more on fewer than 20,000 images of at most 64 pixels; with AdamW 0.001
        /// (Kingma and Ba 2014). In fine-tuning it is 0.01 for steps of 32 images with SGD, and 1e-4 with AdamW. A step has the images of <see cref="BatchSize"/> times <see cref="AccumulateSteps"/>
        /// times the processes of <see cref="ProcessGroup"/>, and at most all training images. Range: 1e-6 to 10.
        /// </value>
        [Range(1e-6, 10.0, init: 0.05, logBase: true)]
        public double? LearningRate { get; set; }

        /// <summary>The epochs in which the learning rate rises linearly from a hundredth of <see cref="LearningRate"/>, before <see cref="LearningRateDecay"/> begins.</summary>
        /// <value>
        /// Default: null: 2, and 0 with <see cref="LearningRateDecay.OneCycle"/>, which rises by itself and has no use for others. Range: 0 to 10,000; more than half of <see cref="Epochs"/> is cut to half of them.
        /// </value>
        public double? WarmupEpochs { get; set; }

        /// <summary>The schedule of the learning rate after warm-up.</summary>
        /// <value>Default: <see cref="LearningRateDecay.Cosine"/>.</value>
        [Choice(LearningRateDecay.Cosine, LearningRateDecay.Step, LearningRateDecay.Constant, LearningRateDecay.OneCycle)]
        public LearningRateDecay LearningRateDecay { get; set; } = LearningRateDecay.Cosine;

        /// <summary>For <see cref="LearningRateDecay.Step"/>: the shares of the training after which the rate falls.</summary>
        /// <value>Default: 0.5 and 0.75 (He et al. 2015, section 4.2). Range: ascending, above 0, below 1.</value>
        public double[] LearningRateMilestones { get; set; } = [0.5, 0.75];

        /// <summary>For <see cref="LearningRateDecay.Step"/>: the factor that multiplies the learning rate at each milestone (PyTorch's <c>gamma</c>).</summary>
        /// <value>Default: 0.1 (He et al. 2015, section 4.2). Range: 0 to 1.</value>
        [Range(0.0, 1.0, init: 0.1)]
        public double LearningRateDecayFactor { get; set; } = 0.1;

        /// <summary>The momentum of stochastic gradient descent.</summary>
        /// <value>Default: 0.9 (He et al. 2015, section 3.4). Range: 0 to 0.999.</value>
        [Range(0.0, 0.999, init: 0.9)]
        public double Momentum { get; set; } = 0.9;

        /// <summary>Whether the momentum looks ahead (Nesterov 1983, in Sutskever et al. 2013).</summary>
        /// <value>Default: true.</value>
        public bool Nesterov { get; set; } = true;

        /// <summary>For AdamW: the decay of the mean of gradients.</summary>
        /// <value>Default: 0.9 (Kingma and Ba 2014). Range: 0 to 0.9999.</value>
        [Range(0.0, 0.9999, init: 0.9)]
        public double Beta1 { get; set; } = 0.9;

        /// <summary>For AdamW: the decay of the mean of squared gradients.</summary>
        /// <value>Default: 0.999 (Kingma and Ba 2014). Range: 0 to 0.99999.</value>
        [Range(0.0, 0.99999, init: 0.999)]
        public double Beta2 { get; set; } = 0.999;

        /// <summary>The weight decay of convolutions and of the head's weights; norms and biases have none.</summary>
        /// <value>
        /// Default: null. With SGD it is 0.002 for a training from scratch of 60 epochs or more on fewer than 20,000 images, which the network would
        /// soon overfit (of 4,000 training images of CIFAR-10 it had 0.744 on others, 5e-4 0.722, 0.004 0.742; one seed), and else 5e-4; with AdamW, which multiplies it by the learning rate only, 0.05 (Dosovitskiy et al. and later
        /// recipes take 0.01 to 0.1). Range: 1e-6 to 1, or 0: none.
        /// </value>
        [Range(1e-6, 1.0, init: 5e-4, logBase: true)]
        public double? WeightDecay { get; set; }

        /// <summary>The maximum norm of the gradient over all weights; a larger gradient is scaled down to it (gradient clipping).</summary>
        /// <value>Default: null: no limit. Range: above 0.</value>
        public double? MaxGradientNorm { get; set; }

        /// <summary>
        /// The decay, per step, of an exponential moving average of the weights, which is evaluated and returned in place of the weights
        /// themselves. 0 turns it off.
        /// </summary>
        /// <value>Default: 0.995, a memory of some 200 steps. Range: 0 to 0.99999.</value>
        [Range(0.0, 0.99999, init: 0.995)]
        public double WeightAveragingDecay { get; set; } = 0.995;

        /// <summary>
        /// Whether the last normalisation of each block begins with weight 0, so that each block begins as its shortcut (Goyal et al. 2017,
        /// section 5.1): for large batches and long trainings.
        /// </summary>
        /// <value>Default: false: a network with it was six points of accuracy behind after 20 epochs on 5,000 images of CIFAR-10.</value>
        public bool ZeroInitResidual { get; set; }

        /// <summary>The fraction of the target probability that is spread evenly over all classes (Szegedy et al. 2015, section 7).</summary>
        /// <value>Default: 0. They take 0.1, which suits long trainings and labels that are wrong at times. Range: 0 to 0.9.</value>
        [Range(0.0, 0.9, init: 0.0)]
        public double LabelSmoothing { get; set; }

        /// <summary>How much the images of a class count in the loss; not used where <see cref="ClassWeights"/> are given.</summary>
        /// <value>Default: <see cref="ClassWeighting.None"/>.</value>
        [Choice(ClassWeighting.None, ClassWeighting.Balanced)]
        public ClassWeighting ClassWeighting { get; set; } = ClassWeighting.None;

        /// <summary>
        /// The share of the training after which class weights count; before it, all images count the same (deferred re-weighting, Cao et al. 2019,
        /// section 3.3). A network that is to learn its features from few images of rare classes and much weight on them learns worse ones. Epochs
        /// before it are no candidates for the best, and early stopping does not count them.
        /// </summary>
        /// <value>
        /// Default: null. For <see cref="ClassWeighting.Balanced"/> it is 0.8 in a training from scratch (as they have it, 160 of 200 epochs), and else 0: from
        /// the first step on. Range: 0 to 0.95. <see cref="FineTuningMode.HeadOnly"/> has no use for it.
        /// </value>
        public double? ClassWeightingStart { get; set; }

        /// <summary>How much the images of each class count in the loss, by the label's value as text; classes that are not named count 1.</summary>
        /// <value>Default: null. Range: 0 or more, at least one of them above 0.</value>
        public IReadOnlyDictionary<string, float>? ClassWeights { get; set; }

        /// <summary>A data set that is scored after every epoch, with the training set's columns and label keys.</summary>
        /// <value>Default: null.</value>
        [JsonIgnore]
        public IDataView? ValidationSet { get; set; }

        /// <summary>The fraction of the training set that is held out for validation, stratified by class; for use without <see cref="ValidationSet"/>.</summary>
        /// <value>Default: 0. Range: 0 to 0.9.</value>
        public double ValidationFraction { get; set; }

        /// <summary>What decides which epoch is the best.</summary>
        /// <value>Default: null: <see cref="ValidationMetric.MacroAccuracy"/> where <see cref="ClassWeighting"/> is Balanced, and else <see cref="ValidationMetric.Accuracy"/>.</value>
        public ValidationMetric? ValidationMetric { get; set; }

        /// <summary>Whether the model gets the weights of the best epoch, where there is a validation set, rather than those of the last.</summary>
        /// <value>Default: true.</value>
        public bool RestoreBestWeights { get; set; } = true;

        /// <summary>
        /// Whether the scores are calibrated on the validation set when training is over, by temperature scaling (Guo et al. 2017): the probabilities then say how often the
        /// model is right, and its log-loss falls. It changes no prediction. It needs a validation set, of some hundred images or more.
        /// <see cref="ResNetTransformer.WithCalibratedScores"/> does the same for a model that is trained already.
        /// </summary>
        /// <value>Default: false.</value>
        public bool CalibrateScores { get; set; }

        /// <summary>
        /// The probability of the most probable class below which the model gives no predicted label: the column is missing there, and empty as text. <c>ChooseMinimumScore</c>
        /// finds one for a wanted precision, and <see cref="ResNetTransformer.WithMinimumScore"/> sets it for a model that is trained already.
        /// </summary>
        /// <value>Default: 0: every image gets a label. Range: 0 to 1.</value>
        public float MinimumScore { get; set; }

        /// <summary>
        /// The views of an image that the model scores and averages, such as the image and its mirror image: often better predictions, for a multiple of the time. It changes scoring
        /// and the calibration by <see cref="CalibrateScores"/>, not the training; the metrics of epochs are of one view. <see cref="ResNetTransformer.WithTestTimeAugmentation"/> sets it for a model
        /// that is trained already.
        /// </summary>
        /// <value>Default: <see cref="TestTimeAugmentation.None"/>, one view.</value>
        public TestTimeAugmentation TestTimeAugmentation { get; set; } = TestTimeAugmentation.None;

        /// <summary>
        /// Training ends after this many epochs in a row in which the metric did not improve. It needs a validation set. Epochs in which the learning rate rises
        /// (<see cref="WarmupEpochs"/>, or the first three tenths of <see cref="LearningRateDecay.OneCycle"/>) don't count: their metrics vary too much, the more the fewer images there are.
        /// </summary>
        /// <value>Default: null: all epochs are run. Range: 1 to 10,000.</value>
        public int? EarlyStoppingPatience { get; set; }

        /// <summary>The minimum change of the metric that counts as an improvement for <see cref="EarlyStoppingPatience"/>.</summary>
        /// <value>Default: 0: any. Range: 0 or more.</value>
        public double EarlyStoppingMinDelta { get; set; }

        /// <summary>
        /// A folder in which the state of the training is kept: <c>last.checkpoint</c>, to resume from, and <c>best.safetensors</c>, the best
        /// weights so far, where there is a validation set. <c>HeadThenFull</c> keeps <c>start.checkpoint</c>, too: the fitted classifier, what its trial found and the trial's weights; a training
        /// that is killed before that starts over. A file is replaced only when the new one is complete. A folder that can't be written into is an error before the training begins;
        /// a file that can't be written later is a warning, and the training goes on and tries again with the next checkpoint.
        /// </summary>
        /// <value>Default: null: no checkpoints.</value>
        public string? CheckpointDirectory { get; set; }

        /// <summary>The time after which a checkpoint is written within an epoch. At the end of each epoch one is written in any case.</summary>
        /// <value>Default: 10 minutes. Range: 0 or more.</value>
        public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromMinutes(10);

        /// <summary>
        /// Whether training resumes from the checkpoint in <see cref="CheckpointDirectory"/> where there is one. On a CPU with the same number of
        /// threads the model is then the same, to the bit, as that of a training that was never interrupted. Settings and data must be the
        /// same: of each image its row, its class and its content, and of a file its name too, but not its folder or its time. A file of more than 48 KiB is
        /// compared by its length and at three places. Where it is false, a checkpoint that is there is renamed to <c>previous.checkpoint</c>.
        /// </summary>
        /// <value>Default: false.</value>
        public bool ResumeFromCheckpoint { get; set; }
    }
}
