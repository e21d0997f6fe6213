namespace Microsoft.ML.ResNet;

/// <summary>
/// The processes that train one network together, each on its part of the images (data parallelism). <c>MpiProcessGroup</c>, in the package <c>Microsoft.ML.ResNet.Mpi</c>, is one over MPI.
/// </summary>
/// <remarks>
/// The collective operations (<c>AllReduce</c>, <c>Broadcast</c> and <c>Barrier</c>) are called by all ranks in the same order with the same lengths, one at a time, from any thread. They return
/// when the result is there. An implementation lets them throw where another rank has failed.
/// </remarks>
public interface IProcessGroup
{
    /// <summary>The number of this process, 0 to <see cref="Size"/> - 1. Rank 0 logs, reports and writes checkpoints.</summary>
    int Rank { get; }

    /// <summary>The number of processes.</summary>
    int Size { get; }

    /// <summary>The number of this process among those of its machine, from 0 on: where a machine has several GPUs, the one that it trains on.</summary>
    int LocalRank { get; }

    /// <summary>The processes on this machine, which share its processors and its memory.</summary>
    int LocalSize { get; }

    /// <summary>Replaces values by their sums over all ranks. All ranks get the same bits.</summary>
    /// <param name="values">As many on all ranks.</param>
    void AllReduce(Span<float> values);

    /// <inheritdoc cref="AllReduce(Span{float})"/>
    void AllReduce(Span<double> values);

    /// <summary>Replaces values by those of one rank.</summary>
    /// <param name="values">As many on all ranks.</param>
    /// <param name="root">The rank whose values all ranks get.</param>
    void Broadcast(Span<byte> values, int root);

    /// <summary>Returns when all ranks have called it.</summary>
    void Barrier();

    /// <summary>Ends the common work of all ranks with an error, because this one has failed and the others would wait for it for ever.</summary>
    /// <param name="message">What happened.</param>
    void Abort(string message);
}
