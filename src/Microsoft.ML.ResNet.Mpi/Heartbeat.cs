using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.ResNet;

/// <summary>
/// Notices a machine that goes down, or off the network, without a word: MPI would wait for it for ever. Every rank has a TCP connection to rank 0, over which both say each second that they are
/// there. Seconds are those in which this process ran, so that processes which are all suspended go on afterwards.
/// </summary>
internal sealed class Heartbeat : IDisposable
{
    private const byte Beat = 1, Farewell = 2;

    private const int TokenLength = 16;

    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1), s_connecting = TimeSpan.FromSeconds(3), s_accepting = TimeSpan.FromSeconds(30);

    private readonly List<Peer> _peers;
    private readonly int _limit;
    private readonly Action<string> _abort;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    private Heartbeat(List<Peer> peers, TimeSpan limit, Action<string> abort)
    {
        (_peers, _abort) = (peers, abort);
        _limit = (int)Math.Max(2, Math.Ceiling(limit.TotalSeconds));
        _thread = new Thread(Run) { IsBackground = true, Name = "MPI heartbeat", Priority = ThreadPriority.AboveNormal };
        _thread.Start();
    }

    /// <summary>Connects all ranks with rank 0; called by all of them. Where a connection can't be had, a warning says so.</summary>
    /// <param name="abort">Ends the job; gets the reason.</param>
    public static Heartbeat Start(IProcessGroup group, TimeSpan limit, Action<string> abort)
    {
        using TcpListener? listener = group.Rank == 0 ? Listen() : null;
        string[] invitation = Share(group, listener is null ? "" : string.Join(' ', [Token(), $"{((IPEndPoint)listener.LocalEndpoint).Port}", .. Addresses()])).Split(' ');
        List<Peer> peers = listener is not null ? Accept(listener, invitation[0], group.Size) : Connect(invitation, group.Rank);
        return new Heartbeat(peers, limit, abort);
    }

    /// <summary>Says farewell, so that the others don't wait.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        foreach (Peer peer in _peers)
        {
            peer.Send(Farewell);
            peer.Dispose();
        }

        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.Wait(s_second))
        {
            foreach (Peer peer in _peers)
            {
                peer.Send(Beat);
                if (peer.SecondsOfSilence() >= _limit)
                {
                    _abort($"Rank {peer.Rank} has not been heard of for {_limit} seconds: its machine is down, or the network to it. The job ends; start it again, with fewer processes where need be.");
                    return;
                }
            }
        }
    }

    private static TcpListener Listen()
    {
        var listener = TcpListener.Create(0);
        listener.Start();
        return listener;
    }

    private static string Token() => Convert.ToHexString(RandomNumberGenerator.GetBytes(TokenLength / 2));

    /// <summary>The addresses of this machine; others can't tell which of them they reach, and try them all.</summary>
    private static IEnumerable<string> Addresses() =>
        NetworkInterface.GetAllNetworkInterfaces()
            .Where(network => network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses)
            .Select(unicast => unicast.Address)
            .Where(address => !address.IsIPv6LinkLocal)
            .OrderBy(IPAddress.IsLoopback)
            .Select(address => $"{address}");

    private static string Share(IProcessGroup group, string text)
    {
        byte[] length = BitConverter.GetBytes(Encoding.ASCII.GetByteCount(text));
        group.Broadcast(length, root: 0);
        byte[] content = group.Rank == 0 ? Encoding.ASCII.GetBytes(text) : new byte[BitConverter.ToInt32(length)];
        group.Broadcast(content, root: 0);
        return Encoding.ASCII.GetString(content);
    }

    private static List<Peer> Connect(string[] invitation, int rank)
    {
        foreach (string address in invitation[2..])
        {
            var client = new TcpClient(IPAddress.Parse(address).AddressFamily);
            try
            {
                if (client.ConnectAsync(address, int.Parse(invitation[1], CultureInfo.InvariantCulture)).Wait(s_connecting))
                {
                    client.SendTimeout = client.ReceiveTimeout = (int)s_connecting.TotalMilliseconds;
                    client.GetStream().Write(Encoding.ASCII.GetBytes(invitation[0]));
                    client.GetStream().Write(BitConverter.GetBytes(rank));
                    if (client.GetStream().ReadByte() == Beat)
                    {
                        return [new Peer(client, 0)];
                    }
                }
            }
            catch (Exception exception) when (exception is AggregateException or SocketException or IOException)
            {
                // Another address may do.
            }

            client.Dispose();
        }

        Console.Error.WriteLine($"Rank {rank} can't reach rank 0 by TCP at {string.Join(", ", invitation[2..])}, port {invitation[1]}: if a machine goes down without a word, the job will wait for it.");
        return [];
    }

    private static List<Peer> Accept(TcpListener listener, string token, int size)
    {
        List<Peer> peers = [];
        using var limit = new CancellationTokenSource(s_accepting);
        while (peers.Count < size - 1)
        {
            TcpClient client;
            try
            {
                client = listener.AcceptTcpClientAsync(limit.Token).AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException)
            {
                break; // The ranks that could not connect have said so.
            }

            if (Welcome(client, token) is { } peer)
            {
                peers.Add(peer);
            }
            else
            {
                client.Dispose();
            }
        }

        return peers;
    }

    /// <summary>A rank of this job, or null where somebody else has come.</summary>
    private static Peer? Welcome(TcpClient client, string token)
    {
        byte[] greeting = new byte[TokenLength + sizeof(int)];
        try
        {
            client.ReceiveTimeout = (int)s_connecting.TotalMilliseconds;
            client.GetStream().ReadExactly(greeting);
            if (Encoding.ASCII.GetString(greeting, 0, TokenLength) != token)
            {
                return null;
            }

            client.GetStream().WriteByte(Beat);
            return new Peer(client, BitConverter.ToInt32(greeting, TokenLength));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Another rank, and how long nothing has come from it.</summary>
    private sealed class Peer : IDisposable
    {
        private readonly TcpClient _client;
        private readonly byte[] _received = new byte[256];
        private int _silence;
        private bool _hasLeft;

        public Peer(TcpClient client, int rank)
        {
            (_client, Rank) = (client, rank);
            _client.NoDelay = true;
            _client.Client.Blocking = false;
        }

        public int Rank { get; }

        /// <summary>Sends what can be sent; where nothing can, the silence of the other tells.</summary>
        public void Send(byte value)
        {
            try
            {
                _client.Client.Send([value]);
            }
            catch (SocketException)
            {
                return;
            }
        }

        /// <summary>To be asked once a second. A rank that has said farewell may be silent.</summary>
        public int SecondsOfSilence()
        {
            try
            {
                int count = _client.Client.Receive(_received);
                _silence = count > 0 ? 0 : _silence + 1;
                _hasLeft |= _received.AsSpan(0, count).Contains(Farewell);
            }
            catch (SocketException)
            {
                _silence++;
            }

            return _hasLeft ? 0 : _silence;
        }

        public void Dispose() => _client.Dispose();
    }
}
