using System.Text;
using System.Text.Json;
using Microsoft.ML.ResNet.Native;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>The ranks of a training, or the one process that there is: what they tell each other beside gradients.</summary>
internal sealed class RankGroup(IProcessGroup? group)
{
    /// <summary>A training in one process.</summary>
    public static readonly RankGroup Single = new(null);

    /// <summary>The processes, or null where there is one.</summary>
    public IProcessGroup? Processes { get; } = group is { Size: > 1 } ? group : null;

    public int Rank => Processes?.Rank ?? 0;

    public int Size => Processes?.Size ?? 1;

    public bool IsSingle => Processes is null;

    /// <summary>Whether this process logs, reports and writes files.</summary>
    public bool IsMain => Rank == 0;

    /// <summary>Whether all ranks end with an error at the same place, so that none waits for another.</summary>
    public bool EndsTogether { get; private set; }

    /// <summary>Marks an error that all ranks throw.</summary>
    public TException OfAll<TException>(TException exception)
        where TException : Exception
    {
        EndsTogether = true;
        return exception;
    }

    /// <summary>Takes the mark back: all ranks have handled the error and go on.</summary>
    public void GoOn() => EndsTogether = false;

    /// <summary>Sums values over the ranks.</summary>
    public void Sum(Span<double> values) => Processes?.AllReduce(values);

    /// <summary>The main rank's value.</summary>
    public double OfMain(double value)
    {
        Span<double> values = [IsMain ? value : 0];
        Sum(values);
        return values[0];
    }

    /// <summary>The main rank's bytes; null where it has none.</summary>
    /// <param name="bytes">What the main rank has; of the others, nothing is looked at.</param>
    public byte[]? OfMain(byte[]? bytes)
    {
        if (Processes is null)
        {
            return bytes;
        }

        int length = (int)OfMain(bytes?.Length ?? -1);
        if (length < 0)
        {
            return null;
        }

        byte[] shared = IsMain ? bytes! : new byte[length];
        Processes.Broadcast(shared, root: 0);
        return shared;
    }

    /// <summary>Gives every rank the main rank's tensors.</summary>
    public void Share(IEnumerable<Tensor> tensors)
    {
        if (Processes is null)
        {
            return;
        }

        using IDisposable withoutGradients = no_grad();
        foreach (Tensor tensor in tensors)
        {
            using var scope = NewDisposeScope();
            Tensor values = tensor.detach().cpu().contiguous().clone();
            Processes.Broadcast(values.bytes, root: 0);
            tensor.copy_(values);
        }
    }

    /// <summary>Gives every rank the mean of all ranks' tensors, of float32.</summary>
    public void Average(IEnumerable<Tensor> tensors)
    {
        if (Processes is null)
        {
            return;
        }

        Tensor[] all = [.. tensors];
        if (all.Length == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        Tensor values = cat([.. all.Select(tensor => tensor.detach().cpu().reshape(-1))]);
        Processes.AllReduce(TensorMemory.Values(values));
        values.DivideInPlace(Size);
        long start = 0;
        foreach (Tensor tensor in all)
        {
            tensor.copy_(values.narrow(0, start, tensor.numel()).reshape(tensor.shape));
            start += tensor.numel();
        }
    }

    /// <summary>Requires that all ranks say the same.</summary>
    /// <param name="entries">Names and values that a user can compare.</param>
    /// <exception cref="InvalidOperationException">They do not; every rank throws.</exception>
    public void RequireSame(IReadOnlyDictionary<string, string> entries)
    {
        if (Processes is null)
        {
            return;
        }

        string[] mine = [.. entries.OrderBy(entry => entry.Key, StringComparer.Ordinal).SelectMany(entry => new[] { entry.Key, entry.Value })];
        string[] main = JsonSerializer.Deserialize<string[]>(OfMain(JsonSerializer.SerializeToUtf8Bytes(mine))!)!;
        byte[] differences = Encoding.UTF8.GetBytes(Differences(mine, main));
        double[] lengths = new double[Size];
        lengths[Rank] = differences.Length;
        Sum(lengths);
        int first = Array.FindIndex(lengths, length => length > 0);
        if (first >= 0)
        {
            byte[] text = Rank == first ? differences : new byte[(int)lengths[first]];
            Processes.Broadcast(text, first);
            throw OfAll(new InvalidOperationException(
                $"Rank {first} has other options or data than rank 0: {Encoding.UTF8.GetString(text)}. All ranks need the same options and the same rows in the same order: each trains on the images of its part of them."));
        }
    }

    private static string Differences(string[] mine, string[] main)
        => mine.Length != main.Length
            ? "other parts"
            : string.Join("; ", Enumerable.Range(0, mine.Length / 2).Where(i => mine[2 * i] != main[2 * i] || mine[(2 * i) + 1] != main[(2 * i) + 1]).Take(5).Select(i => $"{mine[2 * i]} is '{Short(mine[(2 * i) + 1])}', on rank 0 '{Short(main[(2 * i) + 1])}'"));

    private static string Short(string text) => text.Length > 60 ? $"{text[..60]}..." : text;
}
