using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// libtorch's operators on lists of tensors (<c>torch._foreach_*</c>), which on a GPU take a few launches for all parameters of a network in
/// place of some for each. TorchSharp doesn't bind them; <see cref="TorchScript"/> names them. Numbers are passed in tensors on the CPU, which
/// libtorch reads without waiting for a GPU. To be called within <c>no_grad</c>. Safe to use from many threads.
/// </summary>
internal sealed class ForeachOperations
{
    private const string Methods = """
          def number(self: __torch__.M, n: Tensor, i: int) -> float:
            return float(torch.select(n, 0, i))
          def momentum(self: __torch__.M, p: List[Tensor], g: List[Tensor], v: List[Tensor], n: Tensor) -> Tensor:
            torch._foreach_add_(g, p, alpha=(self).number(n, 1, ))
            torch._foreach_mul_(v, (self).number(n, 2, ))
            torch._foreach_add_(v, g, alpha=1)
            torch._foreach_add_(p, v, alpha=(self).number(n, 0, ))
            return n
          def nesterov(self: __torch__.M, p: List[Tensor], g: List[Tensor], v: List[Tensor], n: Tensor) -> Tensor:
            torch._foreach_add_(g, p, alpha=(self).number(n, 1, ))
            torch._foreach_mul_(v, (self).number(n, 2, ))
            torch._foreach_add_(v, g, alpha=1)
            torch._foreach_add_(g, v, alpha=(self).number(n, 2, ))
            torch._foreach_add_(p, g, alpha=(self).number(n, 0, ))
            return n
          def adam(self: __torch__.M, p: List[Tensor], g: List[Tensor], m: List[Tensor], s: List[Tensor], n: Tensor) -> Tensor:
            torch._foreach_mul_(p, (self).number(n, 1, ))
            torch._foreach_mul_(m, (self).number(n, 2, ))
            torch._foreach_add_(m, g, alpha=(self).number(n, 3, ))
            torch._foreach_mul_(s, (self).number(n, 4, ))
            torch._foreach_addcmul_(s, g, g, (self).number(n, 5, ))
            d = torch._foreach_sqrt(s)
            torch._foreach_div_(d, (self).number(n, 6, ))
            torch._foreach_add_(d, (self).number(n, 7, ))
            torch._foreach_addcdiv_(p, m, d, (self).number(n, 0, ))
            return n
          def average(self: __torch__.M, a: List[Tensor], c: List[Tensor], n: Tensor) -> Tensor:
            torch._foreach_lerp_(a, c, (self).number(n, 0, ))
            return n
          def copy(self: __torch__.M, a: List[Tensor], c: List[Tensor], n: Tensor) -> Tensor:
            torch._foreach_copy_(a, c)
            return n
          def clip(self: __torch__.M, g: List[Tensor], n: Tensor) -> Tensor:
            norm = torch.norm(torch.stack(torch._foreach_norm(g, 2)))
            factor = torch.mul(torch.reciprocal(torch.add(norm, (self).number(n, 1, ))), (self).number(n, 0, ))
            torch._foreach_mul_(g, torch.clamp(factor, None, 1))
            return norm

        """;

    private static readonly Lazy<ForeachOperations?> s_instance = new(Load);

    private readonly jit.ScriptModule _module;

    private ForeachOperations(jit.ScriptModule module) => _module = module;

    /// <summary>The operators; null where this libtorch lacks them.</summary>
    public static ForeachOperations? Instance => s_instance.Value;

    /// <summary>The operators where they are worth it, beside a GPU; null on the CPU, which has faster ways.</summary>
    public static ForeachOperations? For(Device device) => device.type == DeviceType.CPU ? null : Instance;

    /// <summary>A step of gradient descent with momentum; the gradients are used up.</summary>
    /// <param name="velocities">One a parameter, likewise laid out.</param>
    public void Momentum(Tensor[] parameters, Tensor[] gradients, Tensor[] velocities, double rate, double weightDecay, double momentum, bool nesterov)
        => Call(nesterov ? "nesterov" : "momentum", [parameters, gradients, velocities], -rate, weightDecay, momentum);

    /// <summary>A step of Adam with decoupled weight decay.</summary>
    /// <param name="rate">The learning rate by the correction of the means.</param>
    /// <param name="kept">What the weight decay leaves of a weight.</param>
    /// <param name="squareCorrection">What roots of squares are divided by.</param>
    public void Adam(
        Tensor[] parameters, Tensor[] gradients, Tensor[] means, Tensor[] squares, double rate, double kept, double beta1, double beta2, double squareCorrection, double epsilon)
        => Call("adam", [parameters, gradients, means, squares], -rate, kept, beta1, 1 - beta1, beta2, 1 - beta2, squareCorrection, epsilon);

    /// <summary>averages += rest * (current - averages).</summary>
    public void Average(Tensor[] averages, Tensor[] current, double rest) => Call("average", [averages, current], rest);

    /// <summary>Sets every target to its source's values.</summary>
    public void Copy(Tensor[] targets, Tensor[] sources) => Call("copy", [targets, sources], 0);

    /// <summary>Scales gradients down together where their common norm is larger than a limit, without waiting for the norm.</summary>
    /// <param name="epsilon">Is added to the norm.</param>
    public void Clip(Tensor[] gradients, double maximumNorm, double epsilon) => Call("clip", [gradients], maximumNorm, epsilon);

    private void Call(string method, object[] lists, params double[] numbers)
    {
        using var scope = NewDisposeScope();
        _module.Invoke(method, [.. lists, tensor(numbers)]);
    }

    private static ForeachOperations? Load()
    {
        try
        {
            return new ForeachOperations(TorchScript.Compile(Methods, Path.GetTempPath()));
        }
        catch (Exception exception) when (exception is System.Runtime.InteropServices.ExternalException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
