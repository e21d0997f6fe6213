extern alias core;

using System.Diagnostics;
using System.Runtime.Versioning;
using AtomicFile = core::Microsoft.ML.ResNet.MLNet.AtomicFile;

namespace Microsoft.ML.ResNet.Tests.MLNet;

[TestClass]
[OSCondition(ConditionMode.Exclude, OperatingSystems.Windows)]
[UnsupportedOSPlatform("windows")]
public sealed class AtomicFileTests
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    public void Write_NoFileThere_MakesOneAsUsual()
    {
        File.WriteAllText(_folder.File("usual.zip"), "");

        AtomicFile.Write(_folder.File("model.zip"), Content("new"));

        Assert.AreEqual("new", File.ReadAllText(_folder.File("model.zip")));
        Assert.AreEqual(File.GetUnixFileMode(_folder.File("usual.zip")), File.GetUnixFileMode(_folder.File("model.zip")));
    }

    [TestMethod]
    public void Write_Link_WritesTheFileThatItLeadsTo()
    {
        Directory.CreateDirectory(_folder.File("models"));
        File.WriteAllText(_folder.File("models/real.zip"), "old");
        File.CreateSymbolicLink(_folder.File("latest.zip"), "models/real.zip");
        File.CreateSymbolicLink(_folder.File("current.zip"), "latest.zip");

        AtomicFile.Write(_folder.File("current.zip"), Content("new"));

        Assert.AreEqual("latest.zip", new FileInfo(_folder.File("current.zip")).LinkTarget);
        Assert.AreEqual("models/real.zip", new FileInfo(_folder.File("latest.zip")).LinkTarget);
        Assert.AreEqual("new", File.ReadAllText(_folder.File("models/real.zip")));
        Assert.HasCount(1, Directory.GetFiles(_folder.File("models")));
    }

    [TestMethod]
    public void Write_LinkToNothing_MakesTheFileThatItLeadsTo()
    {
        File.CreateSymbolicLink(_folder.File("current.zip"), "real.zip");

        AtomicFile.Write(_folder.File("current.zip"), Content("new"));

        Assert.AreEqual("real.zip", new FileInfo(_folder.File("current.zip")).LinkTarget);
        Assert.AreEqual("new", File.ReadAllText(_folder.File("real.zip")));
    }

    [TestMethod]
    public void Write_LinksInACircle_SaysSo()
    {
        File.CreateSymbolicLink(_folder.File("a.zip"), "b.zip");
        File.CreateSymbolicLink(_folder.File("b.zip"), "a.zip");

        string message = Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(_folder.File("a.zip"), Content("new"))).Message;

        StringAssert.StartsWith(message, $"File '{_folder.File("a.zip")}' can't be written: ");
    }

    [TestMethod]
    [DataRow(Private)]
    [DataRow(Private | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)]
    public void Write_FileThatIsThere_KeepsItsMode(UnixFileMode mode)
    {
        File.WriteAllText(_folder.File("model.zip"), "old");
        File.SetUnixFileMode(_folder.File("model.zip"), mode);
        UnixFileMode? before = null;

        AtomicFile.Write(_folder.File("model.zip"), stream => before = File.GetUnixFileMode(((FileStream)stream).Name));

        Assert.AreEqual(mode, before, "while it is written");
        Assert.AreEqual(mode, File.GetUnixFileMode(_folder.File("model.zip")));
    }

    [TestMethod]
    public void Write_EmptyFile_IsReplacedAtOnce()
    {
        File.WriteAllText(_folder.File("model.zip"), "");

        AtomicFile.Write(_folder.File("model.zip"), stream =>
        {
            Content("new")(stream);
            stream.Flush();
            Assert.AreEqual("", File.ReadAllText(_folder.File("model.zip")));
        });

        Assert.AreEqual("new", File.ReadAllText(_folder.File("model.zip")));
    }

    [TestMethod]
    [DataRow("pipe")]
    [DataRow("link")]
    [Timeout(60_000, CooperativeCancellation = true)]
    public async Task Write_Pipe_WritesIntoIt(string name)
    {
        using (Process process = Process.Start("mkfifo", [_folder.File("pipe")]))
        {
            await process.WaitForExitAsync();
            Assert.AreEqual(0, process.ExitCode);
        }

        File.CreateSymbolicLink(_folder.File("link"), "pipe");
        Task<string> read = Task.Run(() => File.ReadAllText(_folder.File("pipe")));

        AtomicFile.Write(_folder.File(name), Content("new"));

        Assert.AreEqual("new", await read.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.HasCount(2, Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void Write_Fault_KeepsTheFileBehindTheLink()
    {
        File.WriteAllText(_folder.File("real.zip"), "old");
        File.CreateSymbolicLink(_folder.File("current.zip"), "real.zip");

        string message = Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(_folder.File("current.zip"), _ => throw new IOException("No space left."))).Message;

        Assert.AreEqual($"File '{_folder.File("current.zip")}' can't be written: No space left. The file that was there is as it was. Free space there or choose another path.", message);
        Assert.AreEqual("old", File.ReadAllText(_folder.File("real.zip")));
        Assert.HasCount(2, Directory.GetFiles(_folder.Path));
    }

    [TestMethod]
    public void RemovePartial_Link_RemovesWhatLiesBesideTheFile()
    {
        Directory.CreateDirectory(_folder.File("disk"));
        File.WriteAllText(_folder.File("disk/real.zip.0123.partial"), "");
        File.CreateSymbolicLink(_folder.File("current.zip"), "disk/real.zip");

        AtomicFile.RemovePartial(_folder.File("current.zip"));

        Assert.IsEmpty(Directory.GetFiles(_folder.File("disk")));
    }

    private static Action<Stream> Content(string text) => stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
}
