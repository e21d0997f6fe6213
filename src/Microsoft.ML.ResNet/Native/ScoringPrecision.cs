namespace Microsoft.ML.ResNet;

/// <summary>The numbers that a network computes with while it scores. Pooling, classifier and softmax are in float32 always.</summary>
public enum ScoringPrecision
{
    /// <summary><see cref="BFloat16"/> where the device is faster with it (AMX, AMD's AVX512-BF16, NVIDIA's Ampere and later), else <see cref="Float32"/>: scores differ from machine to machine.</summary>
    Auto,

    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>
    /// Convolutions and activations in bfloat16: the exponent of float32 and 8 bits of mantissa. Probabilities differ in the third digit.
    /// About twice as fast as float32 in libtorch where the device is faster with it, half as fast with Intel's AVX512-BF16 without AMX, and many times slower where it
    /// has no instructions for it.
    /// </summary>
    BFloat16,
}
