using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>A small disk of its own, which gets full. Only root on Linux can make one; elsewhere the test is skipped.</summary>
internal sealed class Tmpfs : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Tmpfs(int kibibytes)
    {
        if (!OperatingSystem.IsLinux() || Mount("-t", "tmpfs", "-o", Size(kibibytes), "tmpfs", _folder.Path) is { } fault && fault.Length > 0)
        {
            _folder.Dispose();
            Assert.Inconclusive("A small disk is mounted by root on Linux only.");
        }
    }

    public string Path => _folder.Path;

    public string File(string name) => _folder.File(name);

    public void Resize(int kibibytes) => Assert.AreEqual("", Mount("-o", $"remount,{Size(kibibytes)}", _folder.Path));

    public void MakeReadOnly() => Assert.AreEqual("", Mount("-o", "remount,ro", _folder.Path));

    public void ForbidCode() => Assert.AreEqual("", Mount("-o", "remount,noexec", _folder.Path));

    public void Dispose()
    {
        Run("umount", "--lazy", _folder.Path);
        _folder.Dispose();
    }

    private static string Size(int kibibytes) => string.Create(CultureInfo.InvariantCulture, $"size={kibibytes}k");

    /// <summary>Empty, or what went wrong.</summary>
    private static string Mount(params string[] arguments) => Run("mount", arguments);

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : $"{program} ended with {process.ExitCode}: {error}";
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            return $"{program} can't be started: {exception.Message}";
        }
    }
}
