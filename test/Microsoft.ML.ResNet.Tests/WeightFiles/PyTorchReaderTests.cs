using System.IO.Compression;
using Microsoft.ML.ResNet.WeightFiles;
using Microsoft.ML.ResNet.Weights;

namespace Microsoft.ML.ResNet.Tests.WeightFiles;

[TestClass]
public sealed class PyTorchReaderTests
{
    private static readonly float[] Six = [0, 1, 2, 3, 4, 5];

    [TestMethod]
    public void Read_StateUnderAKnownName_GivesValuesOfStridedAndSharedTensors()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(')
            .Text("epoch").Number(3)
            .Text("args").Global("argparse", "Namespace").Op(')').Raw(0x81).Op('}').Op('b')
            .Text("state_dict").OrderedDict().Op('(')
            .Text("plain").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1])
            .Text("transposed").Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])
            .Text("tail").Tensor("FloatStorage", "0", 6, 4, [2], [1])
            .Text("half").Tensor("HalfStorage", "1", 2, 0, [2], [1])
            .Text("bfloat16").Tensor("BFloat16Storage", "2", 1, 0, [], [])
            .Op('u').Op('u').ToArray();

        IReadOnlyList<WeightTensor> tensors = Read(PyTorchFile.Zip(
            pickle, ("0", PyTorchFile.Bytes(Six)), ("1", PyTorchFile.Bytes((Half)0.5, (Half)(-2))), ("2", [0x80, 0x3f]))).Tensors;

        CollectionAssert.AreEqual(Six, Values(tensors, "plain"));
        CollectionAssert.AreEqual(new float[] { 0, 3, 1, 4, 2, 5 }, Values(tensors, "transposed"));
        CollectionAssert.AreEqual(new float[] { 4, 5 }, Values(tensors, "tail"));
        CollectionAssert.AreEqual(new float[] { 0.5f, -2 }, Values(tensors, "half"));
        CollectionAssert.AreEqual(new float[] { 1 }, Values(tensors, "bfloat16"));
    }

    [TestMethod]
    [DataRow("state_dict", "best_acc1")]
    [DataRow("model_state_dict", "loss")]
    [DataRow("model", "class_weights")]
    [DataRow("my_network", "class_weights")]
    public void Read_TensorBesideTheState_GivesTheState(string name, string other)
    {
        foreach (bool isFirst in new[] { true, false })
        {
            PickleWriter pickle = new PickleWriter().Op('}').Op('(');
            _ = isFirst ? pickle.Text(other).Tensor("FloatStorage", "1", 1, 0, [], []) : pickle;
            pickle.Text(name).OrderedDict().Op('(').Text("module.conv1.weight").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u');
            _ = isFirst ? pickle : pickle.Text(other).Tensor("FloatStorage", "1", 1, 0, [], []);

            IReadOnlyList<WeightTensor> tensors = Read(PyTorchFile.Zip(pickle.Op('u').ToArray(), ("0", PyTorchFile.Bytes(Six)), ("1", new byte[4]))).Tensors;

            Assert.AreEqual("module.conv1.weight", string.Join(", ", tensors.Select(tensor => tensor.Name)));
        }
    }

    [TestMethod]
    public void Read_StateWithAnotherUnderAUsualName_GivesTheOuter()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(')
            .Text("model").Op('}').Op('(').Text("conv1.weight").Tensor("FloatStorage", "1", 1, 0, [1], [1]).Op('u')
            .Text("conv1.weight").Tensor("FloatStorage", "0", 6, 0, [6], [1])
            .Op('u').ToArray();

        IReadOnlyList<WeightTensor> tensors = Read(PyTorchFile.Zip(pickle, ("0", PyTorchFile.Bytes(Six)), ("1", new byte[4]))).Tensors;

        CollectionAssert.AreEqual(Six, Values(tensors, "conv1.weight"));
    }

    [TestMethod]
    public void Read_LegacyFile_SkipsStoragesOfOthers()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(')
            .Text("optimizer").Op('}').Op('(').Text("momentum").Tensor("DoubleStorage", "7", 2, 0, [2], [1]).Op('u')
            .Text("state_dict").Op('}').Op('(').Text("a").Tensor("FloatStorage", "9", 6, 0, [6], [1]).Op('u')
            .Op('u').ToArray();

        IReadOnlyList<WeightTensor> tensors = Read(PyTorchFile.Legacy(
            pickle, ("7", 2, PyTorchFile.Bytes(1.0, 2.0)), ("9", 6, PyTorchFile.Bytes(Six)))).Tensors;

        CollectionAssert.AreEqual(Six, Values(tensors, "a"));
        Assert.HasCount(1, tensors);
    }

    [TestMethod]
    [DataRow("os", "system")]
    [DataRow("posix", "system")]
    [DataRow("builtins", "eval")]
    [DataRow("torch.nn.modules.container", "Sequential")]
    [DataRow("torch", "load")]
    public void Read_PickleThatAsksForCode_IsRefusedByNameAndRunsNothing(string module, string name)
    {
        using var folder = new TemporaryFolder();
        string trace = folder.File("trace");
        byte[] pickle = new PickleWriter().Global(module, name).Op('(').Text($"touch {trace}").Op('t').Op('R').ToArray();

        var zip = Assert.ThrowsExactly<InvalidDataException>(() => Read(PyTorchFile.Zip(pickle)));
        var legacy = Assert.ThrowsExactly<InvalidDataException>(() => Read(PyTorchFile.Legacy(pickle)));

        StringAssert.Contains(zip.Message, $"asks for the Python object '{module}.{name}'");
        StringAssert.Contains(zip.Message, "torch.save(model.state_dict(), path)");
        StringAssert.Contains(legacy.Message, $"'{module}.{name}'");
        Assert.IsFalse(File.Exists(trace));
    }

    [TestMethod]
    public void Read_TensorBeyondItsStorage_IsRefused()
    {
        foreach (var (offset, size, stride) in new (int, int[], int[])[] { (1, [6], [1]), (0, [2, 3], [6, 1]), (0, [1000, 1000], [0, 0]), (0, [-1], [1]), (-1, [2], [1]), (0, [2], [1, 1]) })
        {
            byte[] pickle = new PickleWriter().Op('}').Op('(').Text("a").Tensor("FloatStorage", "0", 6, offset, size, stride).Op('u').ToArray();

            var exception = Assert.ThrowsExactly<InvalidDataException>(() => Read(PyTorchFile.Zip(pickle, ("0", PyTorchFile.Bytes(Six)))));

            StringAssert.Contains(exception.Message, "the storage '0'".Replace("the ", "", StringComparison.Ordinal));
        }
    }

    [TestMethod]
    public void Read_DamagedArchives_SayWhatIsWrong()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(').Text("a").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u').ToArray();
        AssertRefused(PyTorchFile.Zip(pickle), "the storage 'archive/data/0' is missing");
        AssertRefused(PyTorchFile.Zip(pickle, ("0", new byte[20])), "has 20 bytes, but 24 are expected");
        AssertRefused(PyTorchFile.Zip(pickle, CompressionLevel.Optimal, "little", ("0", new byte[24])), "is compressed");
        AssertRefused(PyTorchFile.Zip(pickle, CompressionLevel.NoCompression, "big", ("0", new byte[24])), "byte order is 'big'");
        AssertRefused(PyTorchFile.Legacy(pickle, ("0", 6, new byte[20])), "is cut short");
        AssertRefused(PyTorchFile.Legacy(pickle, ("0", 7, new byte[24])), "said to have 7");
        AssertRefused(PyTorchFile.Zip(new PickleWriter().Op('}').Op('(').Text("epoch").Number(1).Op('u').ToArray()), "no tensors under its names ('epoch')");
        AssertRefused(PyTorchFile.Zip(new PickleWriter().Op('t').ToArray()), "takes values that it never made");
        AssertRefused(PyTorchFile.Zip(new PickleWriter().Op('X').Raw(0xff, 0xff, 0xff, 0x7f).ToArray()), "has a text of 2147483647 bytes");
        AssertRefused(PyTorchFile.Zip([0x80, 2, (byte)'i']), "has the instruction 0x69");
        AssertRefused(PyTorchFile.Zip(new PickleWriter().Op('(').Text("module").Op('N').Text("source").Op('N').Op('N').Op('t').Op('Q').ToArray()), "'module', which may hold code");
    }

    [TestMethod]
    public void Read_TorchScript_IsRefused()
    {
        byte[] pickle = new PickleWriter().Op('}').ToArray();
        AssertRefused(PyTorchFile.Zip(pickle, ("../constants.pkl", [])), "is a TorchScript program");
    }

    [TestMethod]
    public void Read_EveryTruncationOfALegacyFile_IsInvalidData()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(').Text("a").Tensor("FloatStorage", "0", 6, 0, [6], [1]).Op('u').ToArray();
        byte[] whole = PyTorchFile.Legacy(pickle, ("0", 6, PyTorchFile.Bytes(Six)));
        using var folder = new TemporaryFolder();
        string path = folder.File("cut.pth");
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.ThrowsExactly<InvalidDataException>(() => WeightFileReader.Read(path), $"{length} bytes");
        }
    }

    [TestMethod]
    public void Read_ZipThatAnnouncesMoreThanItHas_IsInvalidData() => AssertRefused(PyTorchFile.ZipThatAnnouncesMoreThanItHas(), "can't be used");

    [TestMethod]
    public void Read_MutatedFiles_GiveValuesOrInvalidData()
    {
        byte[] pickle = new PickleWriter().Op('}').Op('(').Text("state_dict").OrderedDict().Op('(')
            .Text("a").Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3]).Text("b").Tensor("HalfStorage", "1", 4, 0, [4], [1]).Op('u').Op('u').ToArray();
        byte[][] seeds = [PyTorchFile.Zip(pickle, ("0", new byte[24]), ("1", new byte[8])), PyTorchFile.Legacy(pickle, ("0", 6, new byte[24]), ("1", 4, new byte[8]))];
        var random = new Random(1);
        using var folder = new TemporaryFolder();
        string path = folder.File("mutated.pth");
        for (int round = 0; round < 2000; round++)
        {
            byte[] mutated = [.. seeds[round % 2]];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, mutated);
            try
            {
                WeightFileReader.Read(path);
            }
            catch (InvalidDataException)
            {
                continue;
            }
        }
    }

    private static float[] Values(IReadOnlyList<WeightTensor> tensors, string name) => tensors.Single(tensor => tensor.Name == name).ToSingle();

    private static void AssertRefused(byte[] content, string expected)
        => StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Read(content)).Message, expected);

    private static WeightFile Read(byte[] content)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("weights.pth");
        File.WriteAllBytes(path, content);
        return WeightFileReader.Read(path);
    }
}
