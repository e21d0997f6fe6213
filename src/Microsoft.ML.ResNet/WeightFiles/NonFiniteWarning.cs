using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Warns that scores from non-finite weights are meaningless. Such weights may be loaded for inspection.</summary>
internal static class NonFiniteWarning
{
    /// <param name="source">Where the weights come from, for the text.</param>
    /// <param name="count">The values that are NaN, infinite, or variances below 0; of 0 nothing is said.</param>
    public static void Give(IChannel channel, string source, long count)
    {
        if (count > 0)
        {
            channel.Warning(MessageSensitivity.None, "The weights of {0} have {1} values that are NaN or infinite, or variances below 0: no network can score with them. Take an earlier file, or train again.", source, count);
        }
    }
}
