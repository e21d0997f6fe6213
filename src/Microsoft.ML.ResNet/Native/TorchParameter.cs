using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;

namespace Microsoft.ML.ResNet.Native;

/// <summary>
/// Makes parameters that TorchSharp counts rightly. Its public constructor takes a tensor's handle without counting that tensor out, so
/// that <see cref="torch.Tensor.TotalCount"/> would grow by one for every parameter ever made and could show no leak.
/// </summary>
internal static class TorchParameter
{
    /// <summary>Turns a tensor into a parameter of the caller's dispose scope. The tensor itself is used up.</summary>
    public static Parameter Create(torch.Tensor data, bool requiresGrad = true)
    {
        data.requires_grad = requiresGrad;
        return FromHandle(data.DetachFromDisposeScope().DecoupleFromNativeHandle());
    }

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern Parameter FromHandle(nint handle);
}
