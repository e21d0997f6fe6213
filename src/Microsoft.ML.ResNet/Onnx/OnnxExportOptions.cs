
namespace Microsoft.ML.ResNet;

/// <summary>The settings of <see cref="ResNetTransformer.ExportOnnx"/>.</summary>
public sealed class OnnxExportOptions
{
    private const int MinimumOpset = 17;
    private const int MaximumOpset = 21;

    /// <summary>The version of ONNX's operator set, 17 to 21. The graph is the same; older runtimes read lower versions only.</summary>
    /// <value>Default: 17.</value>
    public int OpsetVersion { get; set; } = MinimumOpset;

    /// <summary>The arithmetic of the network.</summary>
    /// <value>Default: <see cref="OnnxPrecision.Float32"/>.</value>
    public OnnxPrecision Precision { get; set; } = OnnxPrecision.Float32;

    /// <summary>
    /// Whether every batch normalisation is multiplied into the convolution before it, which scores the same in less time. Without it the
    /// graph holds torchvision's tensors as they are.
    /// </summary>
    /// <value>Default: true.</value>
    public bool FoldBatchNorm { get; set; } = true;

    /// <summary>The element type of the input.</summary>
    /// <value>Default: <see cref="OnnxInputType.Float32"/>.</value>
    public OnnxInputType InputType { get; set; } = OnnxInputType.Float32;

    /// <summary>
    /// The order of the input's values: <see cref="PixelLayout.Planar"/> is [N, channels, height, width] (NCHW),
    /// <see cref="PixelLayout.Interleaved"/> [N, height, width, channels] (NHWC). Colours are red, green, blue.
    /// </summary>
    /// <value>
    /// Default: <see cref="PixelLayout.Auto"/>, the layout of the pixel vectors that the model was trained on, or
    /// <see cref="PixelLayout.Planar"/> for a model that was trained on images.
    /// </value>
    public PixelLayout InputLayout { get; set; } = PixelLayout.Auto;

    /// <summary>
    /// For a model trained on pixels that <c>NormalizePixels</c> had normalised: that transformer of the fitted pipeline. Its arithmetic
    /// becomes part of the graph, whose input is then what the transformer reads.
    /// </summary>
    /// <value>Default: null, the graph takes what the model takes.</value>
    public PixelNormalizingTransformer? PixelNormalization { get; set; }

    /// <summary>
    /// Whether the graph takes square images of <see cref="ImagePreprocessing.ShortSide"/> pixels and cuts out their centre, which is what the network reads. It is
    /// for those that can resize but not crop, such as ML.NET's <c>ResizeImages</c>: an image that is resized to the network's size instead shows more, and smaller,
    /// than what the network was trained on. Only for models that were trained on images with <see cref="ImageFit.ShortSideCrop"/>.
    /// </summary>
    /// <value>Default: false, the input has the network's size.</value>
    public bool IncludeCenterCrop { get; set; }

    /// <summary>The name of the input.</summary>
    /// <value>Default: <c>pixels</c>.</value>
    public string InputName { get; set; } = "pixels";

    /// <summary>The name of the output with the probability of each class, [N, classes] float32, in the order of <see cref="ResNetTransformer.ClassNames"/>.</summary>
    /// <value>Default: <c>scores</c>.</value>
    public string ScoresName { get; set; } = "scores";

    /// <summary>The name of the output with the logits, from which softmax makes the scores, [N, classes] float32.</summary>
    /// <value>Default: null, there is no such output.</value>
    public string? LogitsName { get; set; }

    /// <summary>The name of the output with the pooled features that the last layer reads, [N, features] float32.</summary>
    /// <value>Default: null, there is no such output.</value>
    public string? FeaturesName { get; set; }

    /// <summary>
    /// The name of the output with the most probable class, [N] string: one of <see cref="ResNetTransformer.ClassNames"/>. ML.NET's
    /// <c>ApplyOnnxModel</c> gives it as a column of type vector of <c>Text</c> of length 1. Runtimes of some devices have no strings.
    /// </summary>
    /// <value>Default: null, there is no such output.</value>
    public string? PredictedLabelName { get; set; }

    /// <summary>What the file's metadata say, under <c>license</c>, about the terms on which the model may be used.</summary>
    /// <value>Default: null, a sentence that says where such terms come from.</value>
    public string? LicenseNotes { get; set; }

    /// <summary>The names of all inputs and outputs that the file gets.</summary>
    private string[] Names => [InputName, ScoresName, .. new[] { LogitsName, FeaturesName, PredictedLabelName }.OfType<string>()];

    internal void Validate()
    {
        string[] faults = [.. Faults()];
        if (faults.Length > 0)
        {
            throw new ArgumentException($"The options of ExportOnnx can't be used: {string.Join(" ", faults)}");
        }
    }

    private IEnumerable<string> Faults()
    {
        if (OpsetVersion is < MinimumOpset or > MaximumOpset)
        {
            yield return $"OpsetVersion is {OpsetVersion}, expected {MinimumOpset} to {MaximumOpset}.";
        }

        if (!Enum.IsDefined(Precision))
        {
            yield return $"Precision is {Precision:D}, expected a member of OnnxPrecision.";
        }

        if (!Enum.IsDefined(InputType))
        {
            yield return $"InputType is {InputType:D}, expected a member of OnnxInputType.";
        }

        if (!Enum.IsDefined(InputLayout))
        {
            yield return $"InputLayout is {InputLayout:D}, expected a member of PixelLayout.";
        }

        if (Names.Any(string.IsNullOrWhiteSpace))
        {
            yield return "A name of the input or of an output is empty.";
        }

        foreach (IGrouping<string, string> same in Names.GroupBy(name => name, StringComparer.Ordinal).Where(group => group.Count() > 1))
        {
            yield return $"{same.Count()} inputs or outputs are named '{same.Key}', expected different names.";
        }
    }
}
