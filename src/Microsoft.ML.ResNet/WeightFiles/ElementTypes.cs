namespace Microsoft.ML.ResNet.WeightFiles;

/// <summary>The element types as the file formats name them.</summary>
internal static class ElementTypes
{
    /// <summary>The size of an element in bytes.</summary>
    public static int Size(this WeightElementType type) => type switch
    {
        WeightElementType.Float64 or WeightElementType.Int64 or WeightElementType.UInt64 => 8,
        WeightElementType.Float32 or WeightElementType.Int32 or WeightElementType.UInt32 => 4,
        WeightElementType.Float16 or WeightElementType.BFloat16 or WeightElementType.Int16 or WeightElementType.UInt16 => 2,
        _ => 1,
    };

    public static bool IsFloatingPoint(this WeightElementType type) => type <= WeightElementType.Float8E5M2;

    /// <summary>The type that safetensors calls by this name, or null.</summary>
    public static WeightElementType? OfSafetensors(string name) => name switch
    {
        "F64" => WeightElementType.Float64,
        "F32" => WeightElementType.Float32,
        "F16" => WeightElementType.Float16,
        "BF16" => WeightElementType.BFloat16,
        "F8_E4M3" => WeightElementType.Float8E4M3,
        "F8_E5M2" => WeightElementType.Float8E5M2,
        "I64" => WeightElementType.Int64,
        "I32" => WeightElementType.Int32,
        "I16" => WeightElementType.Int16,
        "I8" => WeightElementType.Int8,
        "U64" => WeightElementType.UInt64,
        "U32" => WeightElementType.UInt32,
        "U16" => WeightElementType.UInt16,
        "U8" => WeightElementType.UInt8,
        "BOOL" => WeightElementType.Bool,
        _ => null,
    };

    /// <summary>The type of PyTorch's dtype or storage class of this name, without its module, or null.</summary>
    public static WeightElementType? OfTorch(string name) => name switch
    {
        "FloatStorage" or "float32" or "float" => WeightElementType.Float32,
        "DoubleStorage" or "float64" or "double" => WeightElementType.Float64,
        "HalfStorage" or "float16" or "half" => WeightElementType.Float16,
        "BFloat16Storage" or "bfloat16" => WeightElementType.BFloat16,
        "float8_e4m3fn" => WeightElementType.Float8E4M3,
        "float8_e5m2" => WeightElementType.Float8E5M2,
        "LongStorage" or "int64" or "long" => WeightElementType.Int64,
        "IntStorage" or "int32" or "int" => WeightElementType.Int32,
        "ShortStorage" or "int16" or "short" => WeightElementType.Int16,
        "CharStorage" or "int8" => WeightElementType.Int8,
        "uint64" => WeightElementType.UInt64,
        "uint32" => WeightElementType.UInt32,
        "uint16" => WeightElementType.UInt16,
        "ByteStorage" or "uint8" => WeightElementType.UInt8,
        "BoolStorage" or "bool" => WeightElementType.Bool,
        _ => null,
    };

    /// <summary>The type with this number in ONNX's TensorProto.DataType, or null.</summary>
    public static WeightElementType? OfOnnx(long number) => number switch
    {
        1 => WeightElementType.Float32,
        2 => WeightElementType.UInt8,
        3 => WeightElementType.Int8,
        4 => WeightElementType.UInt16,
        5 => WeightElementType.Int16,
        6 => WeightElementType.Int32,
        7 => WeightElementType.Int64,
        9 => WeightElementType.Bool,
        10 => WeightElementType.Float16,
        11 => WeightElementType.Float64,
        12 => WeightElementType.UInt32,
        13 => WeightElementType.UInt64,
        16 => WeightElementType.BFloat16,
        17 => WeightElementType.Float8E4M3,
        19 => WeightElementType.Float8E5M2,
        _ => null,
    };
}
