namespace Microsoft.ML.ResNet.Onnx;

/// <summary>The element types of tensors that an exported graph has, with ONNX's numbers (<c>TensorProto.DataType</c>).</summary>
internal enum OnnxElementType
{
    Float32 = 1,
    UInt8 = 2,
    Int64 = 7,
    Text = 8,
    Float16 = 10,
}
