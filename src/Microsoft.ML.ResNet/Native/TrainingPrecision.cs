namespace Microsoft.ML.ResNet;

/// <summary>The numbers that a network computes with while it is trained. Weights, normalisations, loss and optimiser are in float32 always.</summary>
public enum TrainingPrecision
{
    /// <summary><see cref="BFloat16"/> where the device has instructions for it (AVX512-BF16, AMX, NVIDIA's Ampere and later), else <see cref="Float32"/>.</summary>
    Auto,

    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>
    /// Convolutions and activations in bfloat16: the exponent of float32 and 8 bits of mantissa. About twice as fast as float32 in libtorch, with
    /// half the memory, where the device has instructions for it, and many times slower where it has none.
    /// </summary>
    BFloat16,
}
