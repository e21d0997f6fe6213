using System.Runtime.CompilerServices;
using Microsoft.ML.ResNet.Images;
using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>
/// Normalises the images of a batch buffer on their way into a workspace, with the roundings of <see cref="NetworkInput"/>. By tensors each of the steps (copy, convert,
/// multiply, add, reorder, copy) goes through memory, most of them on one thread: batches of 224 x 224 pixels took 3 to 4 % longer with ResNet-18.
/// </summary>
/// <param name="pixels">The first byte of the buffer, which must not move.</param>
/// <param name="format">What is in the buffer.</param>
/// <param name="output">[N,H,W,C].</param>
internal sealed unsafe class PixelLoading(nint pixels, InputFormat format, Activations output) : IParallelWork
{
    /// <summary>So that an item is worth the taking.</summary>
    private const int RowsOfItem = 16;

    private readonly float[] _scale = format.Scale;
    private readonly float[] _offset = format.Offset;
    private readonly int _itemsOfImage = (output.Height + RowsOfItem - 1) / RowsOfItem;

    public int ItemCount => output.Count * _itemsOfImage;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Do(int item, int worker)
    {
        int image = item / _itemsOfImage, row = item % _itemsOfImage * RowsOfItem;
        int first = row * output.Width, end = Math.Min(row + RowsOfItem, output.Height) * output.Width;
        byte* source = (byte*)pixels + ((nint)image * format.ByteCount);
        float* target = output.Pointer + ((nint)image * format.ValueCount);
        for (int channel = 0; channel < output.Channels; channel++)
        {
            int step = format.IsPlanar ? 1 : output.Channels;
            int at = format.IsPlanar ? channel * output.Height * output.Width : channel;
            if (format.IsFloat)
            {
                Load((float*)source + at, step, target + channel, first, end, _scale[channel], _offset[channel]);
            }
            else
            {
                Load(source + at, step, target + channel, first, end, _scale[channel], _offset[channel]);
            }
        }
    }

    private void Load(float* source, int step, float* target, int first, int end, float scale, float offset)
    {
        int channels = output.Channels;
        for (int i = first; i < end; i++)
        {
            target[i * channels] = (source[i * step] * scale) + offset;
        }
    }

    private void Load(byte* source, int step, float* target, int first, int end, float scale, float offset)
    {
        int channels = output.Channels;
        for (int i = first; i < end; i++)
        {
            target[i * channels] = (source[i * step] * scale) + offset;
        }
    }
}
