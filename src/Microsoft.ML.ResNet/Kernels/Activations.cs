namespace Microsoft.ML.ResNet.Kernels;

/// <summary>Images or activations, [Count, Height, Width, Channels] float32, one behind the other.</summary>
/// <param name="Data">The first value.</param>
/// <param name="Channels">The values of a pixel: the network's channels and, after them, zeros that fill whole vectors.</param>
internal readonly unsafe record struct Activations(nint Data, int Count, int Height, int Width, int Channels)
{
    public float* Pointer => (float*)Data;

    public long Length => (long)Count * Height * Width * Channels;
}
