namespace Microsoft.ML.ResNet.Augmentations;

/// <summary>The random draws that concern one row in one epoch: the same whenever, and on whatever thread, they are made.</summary>
/// <param name="Row">The row in the data set, not its place in a batch.</param>
internal readonly record struct RowDraws(long Seed, int Epoch, int Row)
{
    /// <summary>A generator at its beginning.</summary>
    public SplitMix64 For(RandomStream stream) => SplitMix64.ForRow(Seed, Epoch, Row, stream);
}
