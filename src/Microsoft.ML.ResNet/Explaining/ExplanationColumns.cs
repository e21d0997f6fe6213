namespace Microsoft.ML.ResNet.Explaining;

/// <summary>What is explained and where the picture goes.</summary>
/// <param name="Stage">Null: the last.</param>
/// <param name="Opacity">How much the colour covers the image, 0 to 1.</param>
internal sealed record ExplanationColumns(string Output, string Input, int? Stage, double Opacity)
{
    private const int SmallestSide = 224;

    /// <exception cref="ArgumentException">A name is empty, or the opacity is out of its range.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Output, "outputColumnName");
        ArgumentException.ThrowIfNullOrWhiteSpace(Input, "inputColumnName");
        if (Opacity is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException("opacity", Opacity, "Expected a number from 0 to 1.");
        }
    }

    /// <summary>The size of the pictures: that of the network's input, a small one enlarged by a whole factor.</summary>
    public static (int Width, int Height) SizeFor(ResNetTransformer classifier)
    {
        var (width, height) = (classifier.Preprocessing.Width, classifier.Preprocessing.Height);
        int factor = (SmallestSide + Math.Min(width, height) - 1) / Math.Min(width, height);
        return (factor * width, factor * height);
    }
}
