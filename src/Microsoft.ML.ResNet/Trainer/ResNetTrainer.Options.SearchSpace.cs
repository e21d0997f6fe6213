using System.Reflection;

namespace Microsoft.ML.ResNet;

public sealed partial class ResNetTrainer
{
    public sealed partial class Options
    {
        /// <summary>
        /// The settings that a search for better ones may vary, by name: as plain data what AutoML reads from ML.NET's annotations. A search
        /// should vary a few of them, the learning rate first.
        /// </summary>
        public static IReadOnlyList<TunableOption> SearchSpace { get; } = Array.AsReadOnly(typeof(Options)
            .GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Select(TunableOption.Of)
            .OfType<TunableOption>()
            .OrderBy(option => option.Name, StringComparer.Ordinal)
            .ToArray());
    }
}
