using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.ML.ResNet.Native;
using Microsoft.ML.ResNet.Network;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Training;

/// <summary>
/// Adds up the gradients of several batches, of one process or of several, so that the sum is that of one large batch: each batch's mean loss counts by the sum of its images' weights. Gradients
/// are summed over the ranks in buckets, from the last layer on, while the backward pass of the last batch is still under way.
/// </summary>
internal sealed class GradientSum : IDisposable
{
    /// <summary>The values of a bucket, at least: enough that an all-reduce is not mostly waiting, and few enough that the first ends long before the pass.</summary>
    private const int BucketLength = 1 << 20;

    private readonly Dictionary<string, Slot> _slots;
    private readonly Bucket[] _buckets;
    private readonly Tensor _flat;
    private readonly Tensor? _staging;
    private readonly Reducer? _reducer;
    private readonly long _weightPlace;
    private readonly bool _overlaps;
    private bool _isFirst;
    private bool _isLast;
    private int _nextBucket;

    /// <param name="network">On the device that it is trained on; its gradients become parts of one block of memory there.</param>
    /// <param name="overlaps">Whether buckets go out during the backward pass: not where that has other things to tell the ranks.</param>
    public GradientSum(ResidualNetwork network, RankGroup ranks, bool overlaps = true)
    {
        using var scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        NetworkParameter[] entries = [.. network.TrainedParameters.Reverse()];
        _weightPlace = entries.Sum(entry => entry.Parameter.numel());
        Device device = entries[0].Parameter.device;
        _flat = zeros(_weightPlace + 1, device: device).DetachFromDisposeScope();
        _slots = new Dictionary<string, Slot>(StringComparer.Ordinal);
        List<Bucket> buckets = [];
        long start = 0, bucketStart = 0;
        int count = 0;
        foreach (NetworkParameter entry in entries)
        {
            Parameter parameter = entry.Parameter;
            Tensor view = _flat.as_strided(parameter.shape, parameter.stride(), start).DetachFromDisposeScope();
            _slots.Add(entry.Name, new Slot(parameter, view, buckets.Count));
            start += parameter.numel();
            count++;
            if (start - bucketStart >= BucketLength || start == _weightPlace)
            {
                // The last one has the weight, too.
                buckets.Add(new Bucket(bucketStart, start + (start == _weightPlace ? 1 : 0) - bucketStart, count));
                (bucketStart, count) = (start, 0);
            }
        }

        _buckets = [.. buckets];
        if (ranks.Processes is { } processes)
        {
            _staging = device.type == DeviceType.CPU ? null : empty(_flat.numel()).pin_memory().DetachFromDisposeScope();
            _overlaps = overlaps && _staging is null;
            _reducer = new Reducer(processes, _staging ?? _flat);
        }
    }

    /// <summary>Begins a step.</summary>
    public void Begin()
    {
        _isFirst = true;
        _isLast = false;
        _nextBucket = 0;
        foreach (Bucket bucket in _buckets)
        {
            bucket.Missing = bucket.ParameterCount;
        }
    }

    /// <summary>Takes a batch backward and adds its gradients.</summary>
    /// <param name="loss">The mean loss of the batch.</param>
    /// <param name="weight">How much the batch counts, a scalar.</param>
    /// <param name="isLast">Whether it is the step's last on this rank.</param>
    public void Backward(INetworkTraining passes, Tensor loss, Tensor weight, bool isLast)
    {
        _isLast = isLast;
        AddWeight(weight);
        passes.Backward(loss * weight, Add);
        _isFirst = false;
    }

    private void AddWeight(Tensor weight)
    {
        using var scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        Tensor place = _flat.narrow(0, _weightPlace, 1);
        if (_isFirst)
        {
            place.copy_(weight.reshape(1));
        }
        else
        {
            place.AddInPlace(weight.reshape(1));
        }
    }

    /// <summary>Takes over the gradient of a parameter, which is complete.</summary>
    private void Add(string name)
    {
        using var scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        Slot slot = _slots[name];
        Tensor gradient = slot.Parameter.grad ?? throw new InvalidOperationException($"The parameter '{name}' has no gradient.");
        if (_isFirst)
        {
            slot.Sum.copy_(gradient);
        }
        else
        {
            slot.Sum.AddInPlace(gradient);
        }

        slot.Parameter.grad = null;
        if (_isLast)
        {
            _buckets[slot.Bucket].Missing--;
            if (_overlaps)
            {
                Reduce();
            }
        }
    }

    /// <summary>Ends a step: waits for the other ranks, and gives every parameter the mean.</summary>
    public void End()
    {
        using var scope = NewDisposeScope();
        using IDisposable withoutGradients = no_grad();
        if (_reducer is not null)
        {
            _staging?.copy_(_flat);
            Reduce();
            _reducer.Wait();
            if (_staging is not null)
            {
                _flat.copy_(_staging);
            }
        }

        Tensor weight = _flat.narrow(0, _weightPlace, 1).maximum(tensor(TrainingLoss.TinyWeight, device: _flat.device));
        _flat.narrow(0, 0, _weightPlace).div_(weight);
        foreach (Slot slot in _slots.Values)
        {
            slot.Parameter.grad = slot.Sum;
        }
    }

    /// <summary>Frees its memory; not where another rank has failed and an all-reduce may still write to it.</summary>
    public void Dispose()
    {
        if (_reducer?.End() == false)
        {
            return;
        }

        foreach (Slot slot in _slots.Values)
        {
            slot.Sum.Dispose();
        }

        _staging?.Dispose();
        _flat.Dispose();
    }

    /// <summary>Hands the buckets over that are complete, in their order: it is the same on all ranks.</summary>
    private void Reduce()
    {
        while (_reducer is not null && _nextBucket < _buckets.Length && _buckets[_nextBucket].Missing == 0)
        {
            _reducer.Begin(_buckets[_nextBucket++]);
        }
    }

    private sealed record Slot(Parameter Parameter, Tensor Sum, int Bucket);

    private sealed record Bucket(long Start, long Length, int ParameterCount)
    {
        /// <summary>The parameters whose gradients of the step are not complete.</summary>
        public int Missing { get; set; }
    }

    /// <summary>Sums buckets over the ranks, one after the other, on a thread of its own.</summary>
    private sealed unsafe class Reducer
    {
        private readonly IProcessGroup _processes;
        private readonly float* _values;
        private readonly BlockingCollection<Bucket?> _queue = [];
        private readonly Thread _thread;
        private readonly SemaphoreSlim _over = new(0);
        private ExceptionDispatchInfo? _fault;
        private int _begun;

        /// <param name="values">On the CPU; it stays until this is disposed.</param>
        public Reducer(IProcessGroup processes, Tensor values)
        {
            _processes = processes;
            _values = TensorMemory.Floats(values);
            _thread = new Thread(Run) { IsBackground = true, Name = "Gradient all-reduce" };
            _thread.Start();
        }

        public void Begin(Bucket bucket)
        {
            _begun++;
            _queue.Add(bucket);
        }

        /// <summary>Waits for what was begun.</summary>
        public void Wait()
        {
            for (; _begun > 0; _begun--)
            {
                _over.Wait();
            }

            _fault?.Throw();
        }

        /// <summary>Ends the thread.</summary>
        /// <returns>False where it still waits, for a rank that failed: it is left to the end of the process.</returns>
        public bool End()
        {
            _queue.Add(null);
            if (!_thread.Join(TimeSpan.FromSeconds(1)))
            {
                return false;
            }

            _queue.Dispose();
            _over.Dispose();
            return true;
        }

        private void Run()
        {
            while (_queue.Take() is { } bucket)
            {
                try
                {
                    if (_fault is null)
                    {
                        _processes.AllReduce(new Span<float>(_values + bucket.Start, checked((int)bucket.Length)));
                    }
                }
                catch (Exception exception)
                {
                    _fault = ExceptionDispatchInfo.Capture(exception);
                }

                _over.Release();
            }
        }
    }
}
