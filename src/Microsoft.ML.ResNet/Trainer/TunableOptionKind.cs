namespace Microsoft.ML.ResNet;

/// <summary>What the values of a <see cref="TunableOption"/> are.</summary>
public enum TunableOptionKind
{
    /// <summary>Whole numbers between two bounds.</summary>
    Integer,

    /// <summary>Real numbers between two bounds.</summary>
    Number,

    /// <summary>One of a few values.</summary>
    Choice,
}
