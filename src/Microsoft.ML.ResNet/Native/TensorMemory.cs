using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Native;

/// <summary>The memory of tensors on the CPU, which doesn't move.</summary>
internal static unsafe class TensorMemory
{
    /// <summary>The first value of a float32 tensor; it is valid as long as the tensor's memory.</summary>
    public static float* Floats(Tensor tensor) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));

    /// <summary>The values of a contiguous float32 tensor.</summary>
    public static Span<float> Values(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
