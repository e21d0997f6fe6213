using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.Kernels;

// Runs every test of the kernels and says how many passed. MSTest's own host doesn't run under every emulator.
int passed = 0, failed = 0;
foreach (Type type in typeof(KernelWidth).Assembly.GetTypes().Where(type => type.GetCustomAttribute<TestClassAttribute>() is not null))
{
    foreach (MethodInfo test in type.GetMethods().Where(method => method.GetCustomAttribute<TestMethodAttribute>() is not null))
    {
        try
        {
            test.Invoke(Activator.CreateInstance(type), null);
            passed++;
        }
        catch (TargetInvocationException exception)
        {
            failed++;
            Console.WriteLine($"{type.Name}.{test.Name}: {exception.InnerException?.Message}");
        }
    }
}

Console.WriteLine($"{RuntimeInformation.ProcessArchitecture}, {KernelWidth.Lanes} lanes: {passed} passed, {failed} failed");
return failed == 0 && passed > 0 ? 0 : 1;
