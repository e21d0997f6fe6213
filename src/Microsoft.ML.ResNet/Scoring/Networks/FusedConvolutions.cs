using System.Globalization;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// libtorch's convolutions that add a tensor and apply a ReLU in the same pass, on weights that oneDNN has laid out for them beforehand.
/// They are private operators that TorchSharp doesn't bind and TorchScript names. Where this libtorch has none that compute what is
/// expected, there is no instance, and the plain network scores. Safe to use from many threads.
/// </summary>
internal sealed class FusedConvolutions
{
    private static readonly Lazy<(FusedConvolutions? Instance, string Reason)> s_float32 = new(() => Load(Path.GetTempPath()));
    private static readonly Lazy<(FusedConvolutions? Instance, string Reason)> s_bfloat16 = new(() => Load(Path.GetTempPath(), ScalarType.BFloat16));

    private readonly jit.ScriptModule _module;

    private FusedConvolutions(jit.ScriptModule module, ScalarType type)
    {
        _module = module;
        Type = type;
    }

    /// <summary>The type of activations and weights that they were checked with; biases have it too.</summary>
    public ScalarType Type { get; }

    /// <summary>The operators, or null, with a line in the log, where they can't be used: not on the CPU, or not in this libtorch.</summary>
    /// <param name="type">Float32 or BFloat16.</param>
    public static FusedConvolutions? For(Device device, IChannel channel, ScalarType type = ScalarType.Float32)
    {
        var (instance, reason) = device.type != DeviceType.CPU ? (null, $"they are for the CPU, not for {device}")
            : type == ScalarType.BFloat16 ? s_bfloat16.Value : s_float32.Value;
        if (instance is null)
        {
            channel.Info(MessageSensitivity.None, "Scoring without fused convolutions, which is slower: {0}.", reason.TrimEnd('.'));
        }

        return instance;
    }

    /// <summary>The operators on the CPU, or null where there are none, without a line in the log.</summary>
    public static FusedConvolutions? Find(ScalarType type) => (type == ScalarType.BFloat16 ? s_bfloat16 : s_float32).Value.Instance;

    /// <summary>The expression, in TorchScript, of a convolution, with a ReLU behind it or without.</summary>
    /// <param name="input">The name of [N,C,H,W], channels-last.</param>
    /// <param name="weight">The name or expression of a packed weight.</param>
    public static string Convolve(ConvolutionPlan plan, string input, string weight, string bias, bool relu)
        => $"ops.mkldnn._convolution_pointwise({input}, {weight}, {bias}, {Geometry(plan)}, \"{(relu ? "relu" : "none")}\", annotate(List[Optional[number]], []), \"\")";

    /// <summary>The expression, in TorchScript, of a convolution that is added to <paramref name="sum"/>, in place, with a ReLU behind.</summary>
    /// <param name="sum">The name of [N,C,H,W], channels-last.</param>
    public static string AddRelu(ConvolutionPlan plan, string sum, string input, string weight, string bias)
        => $"ops.mkldnn._convolution_pointwise_({sum}, {input}, {weight}, {bias}, {Geometry(plan)}, \"add\", 1.0, \"relu\", annotate(List[Optional[number]], []), \"\")";

    /// <summary>Lays a weight out for inputs of one shape.</summary>
    /// <param name="weight">[out, in / groups, kernel, kernel], channels-last.</param>
    /// <param name="inputShape">[N,C,H,W].</param>
    public Tensor Pack(ConvolutionPlan plan, Tensor weight, long[] inputShape)
        => _module.Invoke("pack", weight, plan.Stride, plan.Kernel / 2, plan.Groups, (int)inputShape[0], (int)inputShape[1], (int)inputShape[2], (int)inputShape[3]);

    /// <summary>libtorch's arguments padding, stride, dilation and groups.</summary>
    private static string Geometry(ConvolutionPlan plan)
    {
        int padding = plan.Kernel / 2;
        return string.Create(CultureInfo.InvariantCulture, $"[{padding}, {padding}], [{plan.Stride}, {plan.Stride}], [1, 1], {plan.Groups}");
    }

    /// <param name="folder">Where the archive of TorchScript is written and removed again.</param>
    internal static (FusedConvolutions? Instance, string Reason) Load(string folder, ScalarType type = ScalarType.Float32)
    {
        NativeTorch.EnsureLoaded();
        if (!OneDnn.IsUsable)
        {
            return (null, OneDnn.WhyNotUsable);
        }

        double tolerance = type == ScalarType.BFloat16 ? 0.05 : 1e-4;
        try
        {
            ConvolutionPlan plain = Sample(groups: 1), grouped = Sample(groups: 2);
            jit.ScriptModule module = TorchScript.Compile(
                $"""
                  def pack(self: __torch__.M, w: Tensor, s: int, p: int, g: int, n: int, c: int, h: int, wd: int) -> Tensor:
                    return ops.mkldnn._reorder_convolution_weight(w, [p, p], [s, s], [1, 1], g, [n, c, h, wd])
                {Samples("1", plain)}
                {Samples("2", grouped)}

                """,
                folder);
            var fused = new FusedConvolutions(module, type);
            double error = Math.Max(fused.LargestError("1", plain), fused.LargestError("2", grouped));
            return error < tolerance ? (fused, "") : (null, FormattableString.Invariant($"they are off by {error:G2}"));
        }
        catch (Exception exception) when (exception is System.Runtime.InteropServices.ExternalException or IOException or UnauthorizedAccessException or InvalidOperationException or InvalidCastException)
        {
            return (null, exception.Message.Split('\n')[0]);
        }
    }

    private static ConvolutionPlan Sample(int groups) => new("sample", "sample", InputChannels: 16, OutputChannels: 32, Kernel: 3, Stride: 2, groups);

    private static string Samples(string suffix, ConvolutionPlan plan) =>
        $"""
          def convolve{suffix}(self: __torch__.M, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            return {Convolve(plan, "x", "w", "b", relu: false)}
          def convolve_relu{suffix}(self: __torch__.M, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            return {Convolve(plan, "x", "w", "b", relu: true)}
          def add_relu{suffix}(self: __torch__.M, o: Tensor, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            return {AddRelu(plan, "o", "x", "w", "b")}
        """;

    /// <summary>Compares every operator with the plain ones on small tensors.</summary>
    private double LargestError(string suffix, ConvolutionPlan plan)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        double largest = 0;
        Tensor input = Wave(2, plan.InputChannels, 7, 7), weight = Wave(plan.OutputChannels, plan.InputChannels / plan.Groups, 3, 3) * tensor(0.1f);
        Tensor bias = Wave(1, plan.OutputChannels, 1, 1).flatten(), sum = Wave(2, plan.OutputChannels, 4, 4);
        Tensor plain = nn.functional.conv2d(input, weight, bias, strides: [2, 2], padding: [1, 1], groups: plan.Groups);
        Tensor expected = plain.Plus(sum).relu();
        Tensor typedInput = input.to(Type), typedBias = bias.to(Type), typedSum = sum.to(Type);
        Tensor packed = Pack(plan, ChannelsLast.Copy(weight.to(Type)), input.shape);
        Compare(plain, _module.Invoke($"convolve{suffix}", typedInput, packed, typedBias));
        Compare(plain.relu(), _module.Invoke($"convolve_relu{suffix}", typedInput, packed, typedBias));
        _module.Invoke($"add_relu{suffix}", typedSum, typedInput, packed, typedBias);
        Compare(expected, typedSum);
        return largest;

        void Compare(Tensor expected, Tensor actual)
        {
            float error = (expected - actual.to(ScalarType.Float32)).abs().max().item<float>();
            largest = Math.Max(largest, float.IsNaN(error) ? double.MaxValue : error);
        }
    }

    /// <summary>
    /// Values in channels-last layout, in memory of libtorch's. A tensor of a managed array lies where the array lies, and oneDNN's kernels for
    /// SSE4.1 end the process where a bias isn't aligned to 16 bytes.
    /// </summary>
    private static Tensor Wave(int n, int c, int h, int w)
        => tensor([.. Enumerable.Range(0, n * c * h * w).Select(i => MathF.Sin(0.7f * i))], [n, h, w, c]).permute(0, 3, 1, 2).clone();
}
