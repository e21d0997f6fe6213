using Microsoft.ML.ResNet.Kernels;

namespace Microsoft.ML.ResNet.Scoring;

/// <summary>A program with the memory to run it in. For one pass at a time.</summary>
internal sealed unsafe class VectorWorkspace : IDisposable
{
    private static long s_madeCount;

    private readonly IReadOnlyList<VectorConvolution> _convolutions;
    private readonly List<AlignedBuffer> _slots = [];
    private readonly VectorPass? _pass;

    public VectorWorkspace(ExecutionPlan program, IReadOnlyList<VectorConvolution> convolutions, int threads)
    {
        Program = program;
        Threads = threads;
        _convolutions = convolutions;
        Interlocked.Increment(ref s_madeCount);
        try
        {
            foreach (long length in program.Slots)
            {
                _slots.Add(new AlignedBuffer(length));
            }

            ExecutionStep[] steps = [.. program.Steps.Where(step => step.Kind == ExecutionStepKind.Convolve)];
            _pass = new VectorPass(
                threads,
                steps.Max(step => convolutions[step.Convolution].ScratchLength(step.InputShape, threads)),
                steps.Max(step => convolutions[step.Convolution].SharedScratchLength(step.InputShape, threads)));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many were ever made in the process.</summary>
    public static long MadeCount => Interlocked.Read(ref s_madeCount);

    public ExecutionPlan Program { get; }

    public int Threads { get; }

    /// <summary>Where the images go, [N,H,W,C].</summary>
    public Activations Input => In(0, Program.Input);

    private Activations Output => In(Program.OutputSlot, Program.Output);

    /// <summary>Computes the pooled features of the images.</summary>
    /// <param name="features">[N, channels].</param>
    /// <param name="loading">Writes them to <see cref="Input"/>; null where they are there.</param>
    public void Run(float* features, int channels, PixelLoading? loading = null)
    {
        VectorPass pass = _pass!;
        pass.Begin();
        try
        {
            if (loading is not null)
            {
                pass.Run(loading, loading.ItemCount);
            }

            Run(pass);
            var mean = new Pooling.Mean(Output, features, channels);
            pass.Run(mean, mean.ItemCount);
        }
        finally
        {
            pass.End();
        }
    }

    /// <summary>Computes the last stage's activations of the images in <see cref="Input"/>.</summary>
    /// <returns>They stay as they are until the next pass.</returns>
    public Activations Run()
    {
        VectorPass pass = _pass!;
        pass.Begin();
        try
        {
            Run(pass);
        }
        finally
        {
            pass.End();
        }

        return Output;
    }

    public void Dispose()
    {
        _pass?.Dispose();
        foreach (AlignedBuffer slot in _slots)
        {
            slot.Dispose();
        }
    }

    private void Run(VectorPass pass)
    {
        foreach (ExecutionStep step in Program.Steps)
        {
            Run(pass, step);
        }
    }

    private void Run(VectorPass pass, ExecutionStep step)
    {
        Activations input = In(step.Input, step.InputShape), output = In(step.Output, step.OutputShape);
        switch (step.Kind)
        {
            case ExecutionStepKind.Convolve:
                Activations residual = step.Residual < 0 ? default : In(step.Residual, step.OutputShape);
                _convolutions[step.Convolution].Run(pass, input, output, residual, step.Relu);
                break;
            case ExecutionStepKind.MaximumPool:
                var maximum = new Pooling.Maximum(input, output);
                pass.Run(maximum, maximum.ItemCount);
                break;
            case ExecutionStepKind.Subsample:
                var subsample = new Pooling.Subsample(input, output, step.Shortcut.Channels, step.Shortcut.Before, step.Shortcut.Stride);
                pass.Run(subsample, subsample.ItemCount);
                break;
            default:
                throw new InvalidOperationException($"No such step: {step.Kind}.");
        }
    }

    private Activations In(int slot, Activations shape) => shape with { Data = (nint)_slots[slot].Pointer };
}
