using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using MPI;

namespace Microsoft.ML.ResNet;

/// <summary>
/// The processes that <c>mpiexec</c> has started, as a group that trains one network: <c>ResNetTrainer.Options.ProcessGroup</c>. On Linux it needs MPICH (Debian and Ubuntu: package <c>mpich</c>),
/// on Windows Microsoft MPI.
/// </summary>
/// <remarks>
/// A process that ends by an unhandled exception, or is killed, ends the whole job: <c>mpiexec</c> stops the others and returns an error. A process that handles an exception of its own outside
/// <c>Fit</c> calls <see cref="Abort"/>, since the others would wait for it for ever. A machine that goes down or off the network without a word ends the job, too: all processes have a TCP connection to
/// rank 0, over which they say each second that they are there.
/// </remarks>
public sealed class MpiProcessGroup : IProcessGroup, IDisposable
{
    // MPI_IN_PLACE of MPICH and of Microsoft MPI.
    private const nint InPlace = -1;

    private static readonly object s_gate = new();
    private static MpiProcessGroup? s_current;

    /// <summary>What may pass until an abort has ended this process.</summary>
    private static readonly TimeSpan s_aborting = TimeSpan.FromSeconds(5);

    private readonly MPI.Environment _environment;
    private readonly Heartbeat? _heartbeat;

    private MpiProcessGroup(MPI.Environment environment, TimeSpan silence)
    {
        _environment = environment;
        Check(Unsafe.MPI_Comm_rank(Unsafe.MPI_COMM_WORLD, out int rank), nameof(Unsafe.MPI_Comm_rank));
        Check(Unsafe.MPI_Comm_size(Unsafe.MPI_COMM_WORLD, out int size), nameof(Unsafe.MPI_Comm_size));
        (Rank, Size) = (rank, size);

        // Processes are on one machine where its name is the same; a number of 52 bits goes through a double unchanged.
        double[] machines = new double[size];
        machines[rank] = Hash(System.Environment.MachineName);
        AllReduce(machines.AsSpan());
        LocalRank = machines.Take(rank).Count(machine => machine == machines[rank]);
        LocalSize = machines.Count(machine => machine == machines[rank]);
        _heartbeat = size > 1 && silence != Timeout.InfiniteTimeSpan ? Heartbeat.Start(this, silence, AbortAtOnce) : null;
    }

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public int LocalRank { get; }

    /// <inheritdoc/>
    public int LocalSize { get; }

    /// <summary>Joins the processes that <c>mpiexec</c> has started; without <c>mpiexec</c> a group of one. Once in a process.</summary>
    /// <param name="args">The arguments of the program.</param>
    /// <param name="silence">How long nothing may be heard of a process until the job is ended; null: 15 seconds; <see cref="Timeout.InfiniteTimeSpan"/>: for ever, as for a process that is stopped in a debugger. At least 2 seconds.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="silence"/> is shorter than 2 seconds.</exception>
    /// <exception cref="InvalidOperationException">MPI has been initialised before, or it allows calls from one thread only.</exception>
    /// <exception cref="DllNotFoundException">There is no MPI library.</exception>
    public static MpiProcessGroup Initialize(string[] args, TimeSpan? silence = null)
    {
        ArgumentNullException.ThrowIfNull(args);
        TimeSpan limit = silence ?? TimeSpan.FromSeconds(15);
        if (limit < TimeSpan.FromSeconds(2) && limit != Timeout.InfiniteTimeSpan)
        {
            throw new ArgumentOutOfRangeException(nameof(silence), limit, "Expected 2 seconds or more, or Timeout.InfiniteTimeSpan.");
        }

        lock (s_gate)
        {
            if (s_current is not null)
            {
                throw new InvalidOperationException("MPI has been initialised in this process, which can be done once. Keep the MpiProcessGroup, and dispose it at the end of the program.");
            }

            MpiLibrary.EnsureLoaded();
            string[] arguments = [.. args];
            var environment = new MPI.Environment(ref arguments, Threading.Serialized);
            if (MPI.Environment.Threading < Threading.Serialized)
            {
                environment.Dispose();
                throw new InvalidOperationException($"The MPI library allows calls from one thread only ({MPI.Environment.Threading}), expected {Threading.Serialized}. Use MPICH 3 or later, or Microsoft MPI 10.");
            }

            return s_current = new MpiProcessGroup(environment, limit);
        }
    }

    /// <inheritdoc/>
    public void AllReduce(Span<float> values) => AllReduce(values, Unsafe.MPI_FLOAT);

    /// <inheritdoc/>
    public void AllReduce(Span<double> values) => AllReduce(values, Unsafe.MPI_DOUBLE);

    /// <inheritdoc/>
    public unsafe void Broadcast(Span<byte> values, int root)
    {
        fixed (byte* pointer = values)
        {
            Check(Unsafe.MPI_Bcast((nint)pointer, values.Length, Unsafe.MPI_BYTE, root, Unsafe.MPI_COMM_WORLD), nameof(Unsafe.MPI_Bcast));
        }
    }

    /// <inheritdoc/>
    public void Barrier() => Check(Unsafe.MPI_Barrier(Unsafe.MPI_COMM_WORLD), nameof(Unsafe.MPI_Barrier));

    /// <inheritdoc/>
    public void Abort(string message)
    {
        Console.Error.WriteLine(message);
        Console.Error.Flush();
        _ = Unsafe.MPI_Abort(Unsafe.MPI_COMM_WORLD, 1);

        // MPI_Abort does not return, where it can reach the others.
        System.Environment.Exit(1);
    }

    /// <summary>Leaves the group, when all of its processes do: to be called at the end of the program.</summary>
    public void Dispose()
    {
        _heartbeat?.Dispose();
        _environment.Dispose();
    }

    /// <summary>Ends the job while another thread waits for a process that is gone, and this process in any case.</summary>
    private void AbortAtOnce(string message)
    {
        using var ending = new Timer(
            _ =>
            {
                using var self = System.Diagnostics.Process.GetCurrentProcess();
                self.Kill();
            },
            null,
            s_aborting,
            Timeout.InfiniteTimeSpan);
        Abort(message);
    }

    private static unsafe void AllReduce<T>(Span<T> values, int type)
        where T : unmanaged
    {
        if (values.IsEmpty)
        {
            return;
        }

        fixed (T* pointer = values)
        {
            Check(Unsafe.MPI_Allreduce(InPlace, (nint)pointer, values.Length, type, Unsafe.MPI_SUM, Unsafe.MPI_COMM_WORLD), nameof(Unsafe.MPI_Allreduce));
        }
    }

    private static void Check(int code, string call)
    {
        if (code == Unsafe.MPI_SUCCESS)
        {
            return;
        }

        byte[] text = new byte[Unsafe.MPI_MAX_ERROR_STRING];
        int length = text.Length;
        _ = Unsafe.MPI_Error_string(code, text, ref length);
        throw new IOException(string.Create(CultureInfo.InvariantCulture, $"{call} failed: {Encoding.UTF8.GetString(text, 0, Math.Clamp(length, 0, text.Length))} ({code}). Another process of the job may have ended."));
    }

    /// <summary>FNV-1a, cut to what a double holds.</summary>
    private static double Hash(string text)
    {
        ulong hash = 14695981039346656037;
        foreach (byte value in MemoryMarshal.AsBytes(text.AsSpan()))
        {
            hash = (hash ^ value) * 1099511628211;
        }

        return hash >> 12;
    }
}
