using Microsoft.ML.ResNet.Native;
using TorchSharp;

// One worker for each processor. Tests of what belongs to the whole process, such as the count of tensors, are marked with DoNotParallelize and run afterwards, one by one;
// so are those of numbers that several threads compute.
[assembly: Parallelize(Workers = 0, Scope = ExecutionScope.MethodLevel)]

namespace Microsoft.ML.ResNet.Tests;

[TestClass]
public static class AssemblySetup
{
    [AssemblyInitialize]
    public static void LoadNativeLibraries(TestContext context) => NativeTorch.EnsureLoaded();

    /// <summary>Gives a test one thread of libtorch where others run beside it, and all where it runs alone.</summary>
    [GlobalTestInitialize]
    public static void SetThreads(TestContext context)
    {
        int count = IsAlone(context) ? Environment.ProcessorCount : 1;
        if (torch.get_num_threads() != count)
        {
            torch.set_num_threads(count);
        }
    }

    private static bool IsAlone(TestContext context)
    {
        Type type = typeof(AssemblySetup).Assembly.GetType(context.FullyQualifiedTestClassName!, throwOnError: true)!;
        return Attribute.IsDefined(type, typeof(DoNotParallelizeAttribute)) || type.GetMethods().Any(method => method.Name == context.TestName && Attribute.IsDefined(method, typeof(DoNotParallelizeAttribute)));
    }
}
