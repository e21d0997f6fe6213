namespace Microsoft.ML.ResNet;

/// <summary>The numbers that a network computes with while it is trained. Weights, normalisations, loss and optimiser are in float32 always.</summary>
public enum TrainingPrecision
{
    /// <summary>
    /// <see cref="BFloat16"/> on GPUs with instructions for it (NVIDIA's Ampere and later); on CPUs with AMX for networks of at least 1.5 billion multiply-adds
    /// per image (ResNet-18 and larger at 224 pixels); on CPUs with AMX and on AMD's with AVX512-BF16 for networks with grouped convolutions (ResNeXt) or of
    /// unusual widths; else <see cref="Float32"/>.
    /// </summary>
    Auto,

    /// <summary>Single precision.</summary>
    Float32,

    /// <summary>
    /// Convolutions and activations in bfloat16: the exponent of float32 and 8 bits of mantissa, with half the memory. Faster where the device has
    /// instructions for matrices of it, up to 1.5 times as fast as <see cref="Float32"/> with AMX and with AMD's AVX512-BF16 (1.8 times for networks with grouped
    /// convolutions), half as fast with Intel's where there is no AMX, and many times slower where the device has none. On a CPU it is by libtorch, whose threads
    /// wait for each other at every operator: beside a busy process small networks took four to ten times as long as in <see cref="Float32"/>.
    /// </summary>
    BFloat16,
}
