using Microsoft.ML.Runtime;

namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>Weights that are NaN or infinite may be loaded, to be looked at; but nobody shall take their scores for sense.</summary>
internal static class NonFiniteWarning
{
    /// <param name="source">Where the weights come from, for the text.</param>
    /// <param name="count">The values that are NaN or infinite; of 0 nothing is said.</param>
    public static void Give(IChannel channel, string source, long count)
    {
        if (count > 0)
        {
            channel.Warning(MessageSensitivity.None, "The weights of {0} have {1} values that are NaN or infinite: no network can score with them. Take an earlier file, or train again.", source, count);
        }
    }
}
