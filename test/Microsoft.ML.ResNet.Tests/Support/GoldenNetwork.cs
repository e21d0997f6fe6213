namespace Microsoft.ML.ResNet.Tests;

/// <summary>One network's golden values.</summary>
/// <param name="Architecture">The network.</param>
/// <param name="ParameterCount">Trainable values.</param>
/// <param name="EntryCount">Entries of the state_dict.</param>
/// <param name="LayoutHash">SHA-256 of the state_dict's "name:shape:dtype\n" lines, in order, the shape's sides joined by commas.</param>
/// <param name="Evaluation">Forwards in evaluation mode.</param>
/// <param name="Training">A forward in training mode, with fresh statistics.</param>
internal sealed record GoldenNetwork(
    ResNetArchitecture Architecture, long ParameterCount, int EntryCount, string LayoutHash, GoldenRun[] Evaluation, GoldenRun Training);

/// <summary>One forward: of each sample the first 16 of the 1000 logits, the sum of all and the position of the largest.</summary>
internal sealed record GoldenRun(long[] InputShape, double[] FirstLogits, double[] Sums, long[] ArgMax);
