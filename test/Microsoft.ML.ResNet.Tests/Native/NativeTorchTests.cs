using Microsoft.ML.ResNet.Native;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests.Native;

[TestClass]
public sealed class NativeTorchTests
{
    [TestMethod]
    public void EnsureLoaded_OnThisSystem_MakesTorchWork()
    {
        NativeTorch.EnsureLoaded();

        using torch.Tensor sum = torch.ones(3).sum();
        Assert.AreEqual(3f, sum.item<float>());
    }

    [TestMethod]
    public void MissingSymbolVersions_LoaderMessage_GivesEachVersionOnce()
    {
        const string message = "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)\n"
            + "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)\n"
            + "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /app/libLibTorchSharp.so)";

        CollectionAssert.AreEqual(new[] { "GLIBCXX_3.4.32", "GLIBC_2.38" }, NativeTorch.MissingSymbolVersions(message));
    }

    [TestMethod]
    public void MissingPackageMessage_NamesThePackagesToAdd()
    {
        string message = NativeTorch.MissingPackageMessage(["/app", "/app/runtimes/linux-x64/native"]);

        StringAssert.StartsWith(message, "No native libtorch was found beside this application. Add one of these packages");
        StringAssert.Contains(message, "TorchSharp-cpu");
        StringAssert.Contains(message, "TorchSharp-cuda-windows");
        StringAssert.Contains(message, "TorchSharp-cuda-linux");
        StringAssert.Contains(message, "dotnet add package TorchSharp-cpu --version 0.107.0");
        StringAssert.Contains(message, "/app/runtimes/linux-x64/native");
    }
}
