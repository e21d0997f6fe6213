using System.Runtime.Intrinsics.X86;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>
/// The checks of test/Microsoft.ML.ResNet.MemoryChecks, in processes of their own: numbers that a finaliser frees while libtorch reads them, and memory
/// that is written past its end, whatever processor it seems to be.
/// </summary>
[TestClass]
public sealed class MemoryTests
{
    /// <summary>glibc's own check of its heap: what is written past a block ends the process when the block is freed.</summary>
    private static readonly Dictionary<string, string?> s_checkedHeap = new() { ["GLIBC_TUNABLES"] = "glibc.malloc.check=3", ["LD_PRELOAD"] = "libc_malloc_debug.so.0" };

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task Everything_WhileFinalisersRun_GivesTheSameResults()
    {
        // Freed memory is overwritten.
        ProcessResult result = await RunAsync(["storm", "8"], new() { ["GLIBC_TUNABLES"] = "glibc.malloc.perturb=165" });

        Assert.AreEqual(0, result.ExitCode, result.Output);
    }

    [TestMethod]
    public async Task HeapCheck_AnOverrun_EndsTheProcess()
    {
        RequireHeapCheck();

        ProcessResult result = await RunAsync(["overrun"], s_checkedHeap);

        Assert.AreNotEqual(0, result.ExitCode, result.Output);
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task EveryFamilyOfNetworks_UnderTheHeapCheck_WritesNothingPastItsMemory() => await CheckNetworks("");

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("DOTNET_EnableAVX2=0")]
    [DataRow("ONEDNN_MAX_CPU_ISA=SSE41")]
    [DataRow("OMP_NUM_THREADS=1")]
    [DataRow("OMP_NUM_THREADS=5")]
    [DataRow("ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 DOTNET_EnableAVX2=0")]
    public async Task EveryFamilyOfNetworks_OnALesserProcessor_WritesNothingPastItsMemory(string settings) => await CheckNetworks(settings);

    [TestMethod]
    [TestCategory("Thorough")]
    [DataRow("DOTNET_EnableAVX512=0")]
    [DataRow("ONEDNN_MAX_CPU_ISA=AVX2")]
    [DataRow("ONEDNN_MAX_CPU_ISA=AVX512_CORE")]
    [DataRow("ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16")]
    [DataRow("ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 DOTNET_EnableAVX512=0")]
    public async Task EveryFamilyOfNetworks_WithoutSomeOfAvx512_WritesNothingPastItsMemory(string settings)
    {
        if (!Avx512F.IsSupported)
        {
            Assert.Inconclusive("This processor has no AVX-512: these settings change nothing.");
        }

        await CheckNetworks(settings);
    }

    [TestMethod]
    [TestCategory("Thorough")]
    public async Task EveryFamilyOfNetworks_WithoutOneDnn_TrainsAndScores()
    {
        ProcessResult result = await RunAsync(["plain"], []);

        Assert.AreEqual(0, result.ExitCode, result.Output);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public async Task NamedArchitectures_UnderTheHeapCheck_WriteNothingPastTheirMemory() => await CheckNetworks("", "all");

    private async Task CheckNetworks(string settings, params string[] arguments)
    {
        RequireHeapCheck();
        var environment = new Dictionary<string, string?>(s_checkedHeap);
        foreach (string[] pair in settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(setting => setting.Split('=')))
        {
            environment[pair[0]] = pair[1];
        }

        ProcessResult result = await RunAsync(["networks", .. arguments], environment);

        Assert.AreEqual(0, result.ExitCode, result.Output);
        Assert.DoesNotContain("cannot be preloaded", result.StandardError);
    }

    private async Task<ProcessResult> RunAsync(string[] arguments, Dictionary<string, string?> environment)
    {
        ProcessResult result = await DotNet.RunAsync(
            ["exec", RepositoryPaths.Program("test", "Microsoft.ML.ResNet.MemoryChecks"), .. arguments], environment: environment, limit: TimeSpan.FromMinutes(15));
        TestContext.WriteLine(result.StandardOutput);
        return result;
    }

    private static void RequireHeapCheck()
    {
        if (!OperatingSystem.IsLinux() || !Directory.EnumerateFiles("/lib", "libc_malloc_debug.so.0", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, IgnoreInaccessible = true }).Any())
        {
            Assert.Inconclusive("There is no glibc with libc_malloc_debug.so.0 here.");
        }
    }
}
