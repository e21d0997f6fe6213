using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.ResNet.WeightFiles;

namespace Microsoft.ML.ResNet.Tests.WeightFiles;

[TestClass]
public sealed class SafetensorsHeaderTests
{
    [TestMethod]
    public void Write_ThenRead_GivesTheEntriesBack()
    {
        SafetensorsEntry[] entries = [new("a", "F32", [2, 3], 0, 24), new("b", "I64", [], 24, 32), new("c", "F32", [0], 32, 32)];
        using var stream = new MemoryStream();
        SafetensorsHeader.Write(stream, entries, new Dictionary<string, string> { ["format"] = "pt" });
        Assert.AreEqual(0, stream.Length % 8);
        stream.Write(new byte[32]);
        stream.Position = 0;

        var (read, metadata) = SafetensorsHeader.Read(stream);

        CollectionAssert.AreEqual(entries.Select(Describe).ToArray(), read.Select(Describe).ToArray());
        Assert.AreEqual("pt", metadata["format"]);
        Assert.AreEqual(32, stream.Length - stream.Position);
    }

    [TestMethod]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", "two entries named 'a'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "'b' begins at byte 4 of the data, expected 8")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", "'a' begins at byte 8 of the data, expected 0")]
    [DataRow("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "'a' has 8 bytes, but its shape [3] of F32 takes 12")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,8]}}""", "'a' has 8 bytes, but its shape")]
    [DataRow("""{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""", "'a' has the unknown type 'F31'")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "'a' has impossible offsets or dimensions")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "'a' has impossible offsets or dimensions")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2]}}""", "The safetensors header can't be read")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1e99],"data_offsets":[0,8]}}""", "The safetensors header can't be read")]
    [DataRow("""[1,2]""", "The safetensors header can't be read")]
    [DataRow("""{"a":""", "The safetensors header can't be read")]
    public void Read_DamagedHeader_SaysWhatIsWrong(string json, string expected)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsHeader.Read(File(json)));
        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    [DataRow(0ul)]
    [DataRow(1000ul)]
    [DataRow(100_000_001ul)]
    [DataRow(ulong.MaxValue)]
    public void Read_AbsurdHeaderLength_IsRefusedBeforeMemoryIsTaken(ulong length)
    {
        byte[] bytes = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsHeader.Read(new MemoryStream(bytes)));

        Assert.AreEqual($"Not a safetensors file, or a damaged one: its header is said to have {length} bytes.", exception.Message);
    }

    [TestMethod]
    public void Read_EveryTruncation_IsInvalidData()
    {
        byte[] whole = ((MemoryStream)File("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""")).ToArray();
        for (int length = 0; length < whole.Length - 8; length++)
        {
            Assert.ThrowsExactly<InvalidDataException>(() => SafetensorsHeader.Read(new MemoryStream(whole[..length])));
        }
    }

    private static Stream File(string json)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] bytes = new byte[8 + text.Length + 8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, text.Length);
        text.CopyTo(bytes, 8);
        return new MemoryStream(bytes);
    }

    private static string Describe(SafetensorsEntry entry) => $"{entry.Name} {entry.DType} [{string.Join(",", entry.Shape)}] {entry.Begin} {entry.End}";
}
