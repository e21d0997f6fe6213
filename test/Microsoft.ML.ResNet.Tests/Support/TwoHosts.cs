using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Two network namespaces of this machine, with addresses of their own and a line between them: what an MPI job sees of two hosts.</summary>
internal sealed class TwoHosts : IDisposable
{
    /// <summary>The network device of either.</summary>
    private const string Device = "rn0";

    private readonly string _folder;
    private readonly string _name;
    private readonly string _network;

    private TwoHosts(string folder)
    {
        _folder = folder;
        _name = $"rn{Environment.ProcessId}";
        _network = string.Create(CultureInfo.InvariantCulture, $"10.{100 + (Environment.ProcessId % 100)}.{Environment.ProcessId / 100 % 250}");
    }

    /// <summary>The bytes that have gone from the first to the second.</summary>
    public long BytesSent => long.Parse(Ip("netns", "exec", Host(1), "cat", $"/sys/class/net/{Device}/statistics/tx_bytes"), CultureInfo.InvariantCulture);

    /// <summary>Makes them; the test is inconclusive where this process may not.</summary>
    public static TwoHosts Create(string folder)
    {
        var hosts = new TwoHosts(folder);
        try
        {
            hosts.Make();
            return hosts;
        }
        catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            hosts.Dispose();
            Assert.Inconclusive($"No network namespaces can be made: {exception.Message}");
            throw;
        }
    }

    /// <summary>Starts a process of a job on each of them. They would talk by shared memory if they were allowed to.</summary>
    public Process Start(params string[] program)
    {
        if (!File.Exists("/usr/bin/mpiexec"))
        {
            Assert.Inconclusive("There is no mpiexec (Debian: package mpich).");
        }

        string hosts = Path.Combine(_folder, "hosts"), launcher = Path.Combine(_folder, "launch");
        File.WriteAllText(hosts, $"{_network}.1:1\n{_network}.2:1\n");
        File.WriteAllText(launcher, $"#!/bin/sh\n# Called as ssh is: -x HOST COMMAND...\nhost=$2; shift 2\nexec ip netns exec {_name}${{host##*.}} sh -c \"$*\"\n");
        Ip("netns", "exec", Host(1), "chmod", "+x", launcher);
        return MpiJob.StartProgram(
            "ip", _folder, ["netns", "exec", Host(1), "env", "UCX_TLS=tcp", $"UCX_NET_DEVICES={Device}", "mpiexec", "-launcher", "ssh", "-launcher-exec", launcher, "-iface", Device, "-f", hosts, "-n", "2", .. program]);
    }

    /// <summary>Cuts the line between them.</summary>
    public void Disconnect() => Ip("-n", Host(2), "link", "set", Device, "down");

    public void Dispose()
    {
        foreach (int host in (int[])[1, 2])
        {
            try
            {
                Ip("netns", "del", Host(host));
            }
            catch (Exception exception) when (exception is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                continue; // It was not made.
            }
        }
    }

    private void Make()
    {
        Ip("netns", "add", Host(1));
        Ip("netns", "add", Host(2));
        Ip("link", "add", Device, "netns", Host(1), "type", "veth", "peer", "name", Device, "netns", Host(2));
        foreach (int host in (int[])[1, 2])
        {
            Ip("-n", Host(host), "addr", "add", $"{_network}.{host}/24", "dev", Device);
            Ip("-n", Host(host), "link", "set", Device, "up");
            Ip("-n", Host(host), "link", "set", "lo", "up");
        }

        foreach (int host in (int[])[1, 2])
        {
            if (!SpinWait.SpinUntil(() => Ip("netns", "exec", Host(host), "cat", $"/sys/class/net/{Device}/operstate").Trim() == "up", TimeSpan.FromSeconds(30)))
            {
                throw new InvalidOperationException("the line between them does not come up.");
            }
        }
    }

    private string Host(int number) => string.Create(CultureInfo.InvariantCulture, $"{_name}{number}");

    private static string Ip(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"ip {string.Join(' ', arguments)}: {error.Trim()}");
    }
}
