namespace Microsoft.ML.ResNet;

/// <summary>The element type of an entry in a weights file.</summary>
public enum WeightElementType
{
    /// <summary>32-bit floating point, the type that networks compute in.</summary>
    Float32,

    /// <summary>64-bit floating point; rounded to 32 bits when it is used.</summary>
    Float64,

    /// <summary>16-bit floating point (IEEE 754 half precision).</summary>
    Float16,

    /// <summary>The upper half of a 32-bit floating point number.</summary>
    BFloat16,

    /// <summary>8-bit floating point with 4 bits of exponent and no infinity (E4M3FN).</summary>
    Float8E4M3,

    /// <summary>8-bit floating point with 5 bits of exponent.</summary>
    Float8E5M2,

    /// <summary>64-bit signed integer, the type of the batch counters.</summary>
    Int64,

    /// <summary>32-bit signed integer.</summary>
    Int32,

    /// <summary>16-bit signed integer.</summary>
    Int16,

    /// <summary>8-bit signed integer.</summary>
    Int8,

    /// <summary>64-bit unsigned integer.</summary>
    UInt64,

    /// <summary>32-bit unsigned integer.</summary>
    UInt32,

    /// <summary>16-bit unsigned integer.</summary>
    UInt16,

    /// <summary>8-bit unsigned integer.</summary>
    UInt8,

    /// <summary>A byte that is 0 or 1.</summary>
    Bool,
}
