using Microsoft.ML.ResNet.Onnx;

namespace Microsoft.ML.ResNet.Tests.Onnx;

[TestClass]
public sealed class ProtobufMessageTests
{
    // The examples of protobuf's description of its encoding (https://protobuf.dev/programming-guides/encoding).
    [TestMethod]
    public void WriteTo_ExamplesOfTheFormat_AreTheSameBytes()
    {
        Assert.AreEqual("089601", Hex(new ProtobufMessage().Add(1, 150)));
        Assert.AreEqual("120774657374696E67", Hex(new ProtobufMessage().Add(2, "testing")));
        Assert.AreEqual("1A03089601", Hex(new ProtobufMessage().Add(3, new ProtobufMessage().Add(1, 150))));
        Assert.AreEqual("08FEFFFFFFFFFFFFFFFF01", Hex(new ProtobufMessage().Add(1, -2)));
    }

    [TestMethod]
    public void WriteTo_NumbersAndBytes_AreLittleEndianAndInOrder()
    {
        Assert.AreEqual("150000803F", Hex(new ProtobufMessage().Add(2, 1f)));
        Assert.AreEqual("8201020102", Hex(new ProtobufMessage().Add(16, 2, () => [1, 2])));
        Assert.AreEqual("0800120101", Hex(new ProtobufMessage().Add(1, 0).Add(2, 1, () => [1])));
    }

    [TestMethod]
    public void WriteTo_AMessageThatGrewLater_IsWrittenWhole()
    {
        var inner = new ProtobufMessage();
        ProtobufMessage outer = new ProtobufMessage().Add(1, inner);
        inner.Add(1, new string('x', 200));

        Assert.AreEqual(206, outer.Size);
        Assert.AreEqual(206 * 2, Hex(outer).Length);
    }

    private static string Hex(ProtobufMessage message)
    {
        using var stream = new MemoryStream();
        message.WriteTo(stream);
        Assert.AreEqual(stream.Length, message.Size);
        return Convert.ToHexString(stream.ToArray());
    }
}
