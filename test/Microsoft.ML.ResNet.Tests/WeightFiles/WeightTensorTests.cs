using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Tests.WeightFiles;

[TestClass]
public sealed class WeightTensorTests
{
    [TestMethod]
    public void ToSingle_EveryType_GivesTheValue()
    {
        Check(WeightElementType.Float64, PyTorchFile.Bytes(0.1, -2.5), 0.1f, -2.5f);
        Check(WeightElementType.Float16, PyTorchFile.Bytes((Half)0.5, Half.PositiveInfinity), 0.5f, float.PositiveInfinity);
        Check(WeightElementType.BFloat16, [0x80, 0x3f, 0x00, 0xc0], 1, -2);
        // E4M3: the largest number, the smallest, NaN, and -1 (exponent 7, no fraction). E5M2 is the upper byte of a half.
        Check(WeightElementType.Float8E4M3, [0x7e, 0x01, 0x7f, 0xb8], 448, 0.001953125f, float.NaN, -1);
        Check(WeightElementType.Float8E5M2, [0x7b, 0x01, 0x3c, 0xc0], 57344, 1.52587890625e-05f, 1, -2);
        Check(WeightElementType.Int64, PyTorchFile.Bytes(-3L), -3);
        Check(WeightElementType.Int32, PyTorchFile.Bytes(-3), -3);
        Check(WeightElementType.Int16, PyTorchFile.Bytes((short)-3), -3);
        Check(WeightElementType.Int8, [0xfd], -3);
        Check(WeightElementType.UInt64, PyTorchFile.Bytes(3UL), 3);
        Check(WeightElementType.UInt32, PyTorchFile.Bytes(3u), 3);
        Check(WeightElementType.UInt16, PyTorchFile.Bytes((ushort)3), 3);
        Check(WeightElementType.UInt8, [0xfd], 253);
        Check(WeightElementType.Bool, [1, 0], 1, 0);
    }

    [TestMethod]
    public void ToCounter_LargeCount_LosesNothing()
        => Assert.AreEqual(123_456_789_123, new WeightTensor("n", [], WeightElementType.Int64, PyTorchFile.Bytes(123_456_789_123)).ToCounter());

    private static void Check(WeightElementType type, byte[] data, params float[] expected)
    {
        var tensor = new WeightTensor("a", [expected.Length], type, data);
        CollectionAssert.AreEqual(expected, tensor.ToSingle(), type.ToString());
        Assert.AreEqual(expected.Count(value => !float.IsFinite(value)), tensor.NonFiniteCount, type.ToString());
    }
}
