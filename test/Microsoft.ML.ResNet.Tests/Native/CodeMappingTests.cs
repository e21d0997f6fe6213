using Microsoft.ML.ResNet.Native;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class CodeMappingTests
{
    [TestMethod]
    public void IsAllowed_FileInAnOrdinaryFolder_IsTrue()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("code"), new byte[100]);

        Assert.IsTrue(CodeMapping.IsAllowed(folder.File("code")));
    }

    [TestMethod]
    public void IsAllowed_FileSystemMountedNoexec_IsFalse()
    {
        using var disk = new Tmpfs(kibibytes: 64);
        File.WriteAllBytes(disk.File("code"), new byte[100]);
        disk.ForbidCode();

        Assert.IsFalse(CodeMapping.IsAllowed(disk.File("code")));
    }
}
