using System.IO.Compression;
using System.Text;
using Microsoft.ML.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Interop;

/// <summary>
/// libtorch's convolutions that add a tensor and apply a ReLU in the same pass, on weights that oneDNN has laid out for them beforehand.
/// They are private operators that TorchSharp doesn't bind; a TorchScript archive of one module, written here, names them. Where this
/// libtorch has none that compute what is expected, there is no instance, and the plain network scores. Safe to use from many threads.
/// </summary>
internal sealed class FusedConvolutions
{
    private static readonly Lazy<(FusedConvolutions? Instance, string Reason)> s_shared = new(() => Load(Path.GetTempPath()));

    private readonly jit.ScriptModule _module;

    private FusedConvolutions(jit.ScriptModule module) => _module = module;

    /// <summary>The operators, or null, with a line in the log, where they can't be used: not on the CPU, or not in this libtorch.</summary>
    public static FusedConvolutions? For(Device device, IChannel channel)
    {
        var (instance, reason) = device.type == DeviceType.CPU ? s_shared.Value : (null, $"they are for the CPU, not for {device}");
        if (instance is null)
        {
            channel.Info(MessageSensitivity.None, "Scoring without fused convolutions, which is slower: {0}.", reason.TrimEnd('.'));
        }

        return instance;
    }

    /// <summary>Lays a weight out for inputs of one shape.</summary>
    /// <param name="weight">[out, in / groups, kernel, kernel], channels-last.</param>
    /// <param name="inputShape">[N,C,H,W].</param>
    public Tensor Pack(Tensor weight, int stride, int padding, int groups, long[] inputShape)
        => (Tensor)_module.invoke("pack", weight, stride, padding, groups, (int)inputShape[0], (int)inputShape[1], (int)inputShape[2], (int)inputShape[3]);

    /// <summary>Convolves.</summary>
    /// <param name="input">[N,C,H,W], channels-last.</param>
    /// <param name="weight">Packed.</param>
    public Tensor Convolve(Tensor input, Tensor weight, Tensor bias, int stride, int padding, int groups, bool relu)
        => (Tensor)_module.invoke(relu ? "convolve_relu" : "convolve", input, weight, bias, stride, padding, groups);

    /// <summary>Convolves, adds the result to <paramref name="sum"/> in place, and applies a ReLU.</summary>
    /// <param name="sum">[N,C,H,W], channels-last.</param>
    /// <param name="input">[N,C,H,W], channels-last.</param>
    /// <param name="weight">Packed.</param>
    public void AddRelu(Tensor sum, Tensor input, Tensor weight, Tensor bias, int stride, int padding, int groups)
        => ((Tensor)_module.invoke("add_relu", sum, input, weight, bias, stride, padding, groups)).Dispose();

    /// <param name="folder">Where the archive is written and removed again.</param>
    internal static (FusedConvolutions? Instance, string Reason) Load(string folder)
    {
        string path = Path.Combine(folder, $"resnet-{Guid.NewGuid():N}.pt");
        bool isMade = false;
        try
        {
            File.WriteAllBytes(path, Archive());
            isMade = true;
            using var normalMode = inference_mode(false);
            jit.ScriptModule module = jit.load(path);
            var fused = new FusedConvolutions(module);
            double error = fused.LargestError();
            return error < 1e-4 ? (fused, "") : (null, FormattableString.Invariant($"they are off by {error:G2}"));
        }
        catch (Exception exception) when (exception is System.Runtime.InteropServices.ExternalException or IOException or UnauthorizedAccessException or InvalidOperationException or InvalidCastException)
        {
            return (null, exception.Message.Split('\n')[0]);
        }
        finally
        {
            // Where the temporary folder is missing, deleting fails too.
            if (isMade)
            {
                File.Delete(path);
            }
        }
    }

    /// <summary>Compares every operator with the plain ones on small tensors.</summary>
    private double LargestError()
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        double largest = 0;
        foreach (int groups in new[] { 1, 2 })
        {
            Tensor input = Wave(2, 8, 7, 7), weight = Wave(16, 8 / groups, 3, 3), bias = Wave(1, 16, 1, 1).flatten(), sum = Wave(2, 16, 4, 4);
            Tensor packed = Pack(weight, stride: 2, padding: 1, groups, input.shape);
            Tensor plain = nn.functional.conv2d(input, weight, bias, strides: [2, 2], padding: [1, 1], groups: groups);
            Tensor expected = (plain + sum).relu();
            Compare(plain, Convolve(input, packed, bias, 2, 1, groups, relu: false));
            Compare(plain.relu(), Convolve(input, packed, bias, 2, 1, groups, relu: true));
            AddRelu(sum, input, packed, bias, 2, 1, groups);
            Compare(expected, sum);
        }

        return largest;

        void Compare(Tensor expected, Tensor actual) => largest = Math.Max(largest, (expected - actual).abs().max().item<float>() is var error && float.IsNaN(error) ? double.MaxValue : error);
    }

    private static Tensor Wave(int n, int c, int h, int w)
        => arange(n * c * h * w, ScalarType.Float32).mul(0.7).sin().reshape(n, h, w, c).permute(0, 3, 1, 2);

    /// <summary>A TorchScript archive of format version 3: a module without state, and its methods as source text.</summary>
    private static byte[] Archive()
    {
        const string code = """
            class M(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              _is_full_backward_hook : Optional[bool]
              def convolve(self: __torch__.M, x: Tensor, w: Tensor, b: Optional[Tensor], s: int, p: int, g: int) -> Tensor:
                return ops.mkldnn._convolution_pointwise(x, w, b, [p, p], [s, s], [1, 1], g, "none", annotate(List[Optional[number]], []), "")
              def convolve_relu(self: __torch__.M, x: Tensor, w: Tensor, b: Optional[Tensor], s: int, p: int, g: int) -> Tensor:
                return ops.mkldnn._convolution_pointwise(x, w, b, [p, p], [s, s], [1, 1], g, "relu", annotate(List[Optional[number]], []), "")
              def add_relu(self: __torch__.M, o: Tensor, x: Tensor, w: Tensor, b: Optional[Tensor], s: int, p: int, g: int) -> Tensor:
                return ops.mkldnn._convolution_pointwise_(o, x, w, b, [p, p], [s, s], [1, 1], g, "add", 1.0, "relu", annotate(List[Optional[number]], []), "")
              def pack(self: __torch__.M, w: Tensor, s: int, p: int, g: int, n: int, c: int, h: int, wd: int) -> Tensor:
                return ops.mkldnn._reorder_convolution_weight(w, [p, p], [s, s], [1, 1], g, [n, c, h, wd])

            """;

        // A pickle of an object of class __torch__.M with training = True and _is_full_backward_hook = None.
        byte[] state =
        [
            .. "\u0002c__torch__\nM\nq\0)"u8, 0x81, .. "}(X"u8, 8, 0, 0, 0, .. "trainingq\u0001"u8, 0x88, (byte)'X', 0x16, 0, 0, 0, .. "_is_full_backward_hookq\u0002Nubq\u0003."u8,
        ];
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("data.pkl", [0x80, .. state]);
            Add("code/__torch__.py", Encoding.UTF8.GetBytes(code.ReplaceLineEndings("\n")));
            Add("constants.pkl", [0x80, 2, .. ")."u8]);
            Add("version", [.. "3\n"u8]);

            void Add(string name, byte[] content)
            {
                using Stream entry = zip.CreateEntry($"operators/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }
}
