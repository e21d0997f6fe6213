namespace Microsoft.ML.ResNet.Onnx;

/// <summary>Makes the attributes of nodes (ONNX's <c>AttributeProto</c>).</summary>
internal static class OnnxAttribute
{
    private const int NameField = 1, FloatField = 2, IntegerField = 3, IntegersField = 8, TypeField = 20;
    private const int FloatType = 1, IntegerType = 2, IntegersType = 7;

    public static ProtobufMessage Float(string name, float value)
        => new ProtobufMessage().Add(NameField, name).Add(FloatField, value).Add(TypeField, FloatType);

    public static ProtobufMessage Integer(string name, long value)
        => new ProtobufMessage().Add(NameField, name).Add(IntegerField, value).Add(TypeField, IntegerType);

    public static ProtobufMessage Integers(string name, params ReadOnlySpan<long> values)
    {
        ProtobufMessage attribute = new ProtobufMessage().Add(NameField, name);
        foreach (long value in values)
        {
            attribute.Add(IntegersField, value);
        }

        return attribute.Add(TypeField, IntegersType);
    }
}
