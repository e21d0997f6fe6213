using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.ResNet.MemoryChecks;
using Microsoft.ML.ResNet.Native;

// Checks, each in a process that a fault may end:
//   storm [seconds]   trains, scores and saves while a thread collects garbage and runs finalisers without pause
//   networks [all]    takes every family of networks forward and backward, to be run under glibc's check of its heap
//   plain             the same with oneDNN turned off, as on a machine where it would be wrong and can't be mended
//   overrun           writes past its memory, to see that the heap is checked
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
NativeTorch.EnsureLoaded();
var clock = Stopwatch.StartNew();
int faults = args switch
{
    ["storm"] => Storm.Run(TimeSpan.FromSeconds(10)),
    ["storm", var seconds] => Storm.Run(TimeSpan.FromSeconds(double.Parse(seconds))),
    ["networks"] => NetworkChecks.Run(withNamedOnes: false),
    ["networks", "all"] => NetworkChecks.Run(withNamedOnes: true),
    ["plain"] => WithoutOneDnn(),
    ["overrun"] => Overrun(),
    _ => throw new ArgumentException("Expected storm [seconds], networks [all], plain or overrun."),
};
Console.WriteLine($"{faults} faults, {clock.Elapsed.TotalSeconds:F1} s");
return faults == 0 ? 0 : 1;

static int WithoutOneDnn()
{
    OneDnn.TurnOff();
    return NetworkChecks.Run(withNamedOnes: false);
}

static unsafe int Overrun()
{
    byte* memory = (byte*)NativeMemory.Alloc(24);
    memory[24] = 1;
    NativeMemory.Free(memory);
    return 0;
}
