using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML.ResNet.Tests.Fuzzing;
using static TorchSharp.torch;

namespace Microsoft.ML.ResNet.Tests.Weights;

/// <summary>Files that somebody made on purpose to take a host's memory or time, or to reach other files.</summary>
[TestClass]
public sealed class HostileFilesTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    private readonly MLContext _context = new(1);
    private readonly TemporaryFolder _folder = new();

    [TestCleanup]
    public void RemoveFolder() => _folder.Dispose();

    [TestMethod]
    public void FromFile_SafetensorsWithThousandsOfDimensions_IsRefusedInAFewWords()
    {
        string shape = string.Join(',', Enumerable.Repeat("1", 100_000));
        AssertRefused(Safetensors($$$"""{"a":{"dtype":"F32","shape":[{{{shape}}}],"data_offsets":[0,4]}}""", 4), "The safetensors entry 'a' has more than 16 dimensions.");
    }

    [TestMethod]
    public void FromFile_NameOfAMillionWrappers_IsRefusedSoon()
    {
        string name = string.Concat(Enumerable.Repeat("net.", 250_000));
        string message = AssertRefused(Safetensors($$$"""{"{{{name}}}a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4), "no residual network");
        Assert.IsLessThan(5000, message.Length);
    }

    [TestMethod]
    [DataRow("../../outside")]
    [DataRow("/etc/passwd")]
    [DataRow("C:\\\\Windows\\\\system.ini")]
    public void FromFile_NamesThatLookLikePaths_AreNames(string name)
    {
        AssertRefused(Safetensors($$$"""{"{{{name}}}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4), "'conv1.weight' is missing");
        string key = name.Replace("\\\\", "\\", StringComparison.Ordinal);
        byte[] pickle = new PickleWriter().Op('}').Op('(').Text("a").Tensor("FloatStorage", key, 6, 0, [6], [1]).Op('u').ToArray();
        AssertRefused(PyTorchFile.Zip(pickle), $"the storage 'archive/data/{key}' is missing from the archive");
        Assert.HasCount(1, Directory.GetFileSystemEntries(_folder.Path));
    }

    [TestMethod]
    public void FromFile_OneListForManyCalls_IsRefusedSoon()
    {
        // A list of 100,000 pairs in the memo, and a call that copies it in 7 bytes.
        PickleWriter pickle = new PickleWriter().Global("collections", "OrderedDict").Raw((byte)'q', 0).Op('0').Op(']').Raw((byte)'q', 1).Op('(');
        pickle.Raw([.. Enumerable.Repeat(new byte[] { (byte)'N', (byte)'N', 0x86 }, 100_000).SelectMany(pair => pair)]).Op('e').Op('0');
        pickle.Raw([.. Enumerable.Repeat(new byte[] { (byte)'h', 0, (byte)'h', 1, 0x85, (byte)'R', (byte)'0' }, 10_000).SelectMany(call => call)]);
        AssertRefused(PyTorchFile.Zip(pickle.ToArray()), "the pickle has more than 4000000 values.");
    }

    [TestMethod]
    public void FromFile_ValueThatIsKeptMillionsOfTimes_IsRefused()
        => AssertRefused(PyTorchFile.Zip(new PickleWriter().Op('N').Raw([.. Enumerable.Repeat((byte)0x94, 5_000_000)]).ToArray()), "the pickle has more than 4000000 values.");

    [TestMethod]
    public void FromFile_OneDictionaryInManyPlaces_IsRefusedSoon()
    {
        PickleWriter pickle = new PickleWriter().Op('}').Raw((byte)'q', 0).Op('(').Raw([.. Enumerable.Repeat((byte)'N', 400_000)]).Op('u').Op('0').Op('}').Op('(');
        pickle.Raw([.. Enumerable.Repeat(new byte[] { (byte)'N', (byte)'h', 0 }, 200_000).SelectMany(item => item)]).Op('u');
        AssertRefused(PyTorchFile.Zip(pickle.ToArray()), "the checkpoint has no tensors under its names");
    }

    [TestMethod]
    public void FromFile_StoragesThatOverlap_AreRefused()
    {
        PickleWriter pickle = new PickleWriter().Op('}').Op('(');
        for (int i = 0; i < 10; i++)
        {
            pickle.Text($"{i}").Tensor("FloatStorage", $"{i}", 250, 0, [1], [1]);
        }

        AssertRefused(PyTorchFile.Zip(pickle.Op('u').ToArray(), ("0", new byte[1000])), "its storages have 10000 bytes together, but the file has ");
    }

    [TestMethod]
    public void FromFile_OnnxGraphThatRunsInACircle_IsRefused()
    {
        ProtobufWriter graph = new ProtobufWriter().Message(11, new ProtobufWriter().Text(1, "x"));
        Constant("stem", 4, 3, 3, 3);
        Constant("filters", 4, 4, 3, 3);
        Constant("bias", 4);
        Node("Conv", "stem out", "x", "stem", "bias");
        Node("Relu", "value", "stem out");
        Node("Conv", "branch", "value", "filters", "bias");
        Node("Add", "sum", "branch", "value");
        Node("Relu", "value", "sum");
        AssertRefused(new ProtobufWriter().Number(1, 8).Message(7, graph).ToArray(), "the convolution 'layer1.1.conv1' has the filters of another one, expected its own.");

        void Constant(string name, params int[] shape)
        {
            var tensor = new ProtobufWriter();
            Array.ForEach(shape, side => tensor.Number(1, side));
            graph.Message(5, tensor.Number(2, 1).Text(8, name).Bytes(9, new byte[4 * shape.Aggregate(1, (count, side) => count * side)]));
        }

        void Node(string operation, string output, params string[] inputs)
        {
            var node = new ProtobufWriter();
            Array.ForEach(inputs, input => node.Text(1, input));
            node.Text(2, output).Text(4, operation);
            var pads = new ProtobufWriter().Text(1, "pads").Number(8, 1).Number(8, 1).Number(8, 1).Number(8, 1);
            graph.Message(1, operation == "Conv" ? node.Message(5, pads) : node);
        }
    }

    [TestMethod]
    public void FromFile_OnnxGraphOfEmptyOperations_IsRefused()
    {
        var graph = new ProtobufWriter();
        for (int i = 0; i < 100_001; i++)
        {
            graph.Bytes(1, []);
        }

        AssertRefused(new ProtobufWriter().Number(1, 8).Message(7, graph).ToArray(), "the graph has more than 100000 operations.");
    }

    [TestMethod]
    [DoNotParallelize]
    [DataRow("\"depths\":", "\"depths\": null, \"was\":", "the network's depths or widths are null.")]
    [DataRow("(\"names\": \\[)", "$1 null, ", "a class or an epoch is null.")]
    [DataRow("\"training\": \\[\\]", "\"training\": null", "a part of it is null.")]
    [DataRow("\"training\": \\[\\]", "\"training\": [null]", "a class or an epoch is null.")]
    [DataRow("\"mean\":", "\"mean\": null, \"was\":", "the mean or the deviation is null.")]
    [DataRow("\"stem\": \"Cifar\"", "\"stem\": \"Auto\"", "the network's stem is open.")]
    [DataRow("\"(width|height)\": 8", "\"$1\": 16384", "the images are too large.")]
    [DataRow("\"type\": \"Text\"", "\"type\": \"Int32\"", "The input string 'cat' was not in a correct format.")]
    public void Load_DescriptionThatNoModelHas_SaysWhatIsWrong(string original, string replacement, string expected)
        => AssertModelRefused(
            "Description.json",
            json => Replace(json, original, replacement),
            expected);

    [TestMethod]
    [DoNotParallelize]
    public void Load_DescriptionThatIsAZipBomb_IsRefusedByItsLength()
        => AssertModelRefused("Description.json", json => [.. json, .. Enumerable.Repeat((byte)' ', 64 << 20)], "unpacks to more than 16777216 bytes");

    [TestMethod]
    [DoNotParallelize]
    public void Load_DescriptionOfAHugeNetwork_IsComparedWithTheWeightsBeforeMemoryIsTaken()
    {
        string zip = Model("Description.json", json => Replace(json, "\"widths\": \\[[^]]*\\]", "\"widths\": [65536]"));
        long before = Process.GetCurrentProcess().PeakWorkingSet64;

        string message = Refusal(() => _context.Model.Load(zip, out _));

        // Its filters alone would take 144 GiB.
        StringAssert.Contains(message, "'conv1.weight' is F32 [4, 3, 3, 3], expected F32 [65536, 3, 3, 3]");
        Assert.IsLessThan(200L << 20, Process.GetCurrentProcess().PeakWorkingSet64 - before);
    }

    [TestMethod]
    public void Load_NaNWeights_WarnsAndLoads()
    {
        string zip = Model("Weights.safetensors", content =>
        {
            // The head's bias is the last of it: two values.
            BitConverter.TryWriteBytes(content.AsSpan(content.Length - 4), float.NaN);
            BitConverter.TryWriteBytes(content.AsSpan(content.Length - 8), float.PositiveInfinity);
            return content;
        });
        var log = new LogRecorder(_context);

        ((IDisposable)_context.Model.Load(zip, out _)).Dispose();

        CollectionAssert.AreEqual(new[] { "The weights of the model file have 2 values that are NaN or infinite, or variances below 0: no network can score with them. Take an earlier file, or train again." }, log.Warnings.ToArray());
    }

    private byte[] Safetensors(string json, int dataLength)
    {
        byte[] header = Encoding.UTF8.GetBytes(json);
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[dataLength]];
    }

    private string AssertRefused(byte[] content, string expected)
    {
        string path = _folder.File("weights");
        File.WriteAllBytes(path, content);
        var clock = Stopwatch.StartNew();

        string message = Assert.ThrowsExactly<InvalidDataException>(() => ResNetWeights.FromFile(path)).Message;

        StringAssert.Contains(message, expected);
        Assert.IsLessThan(Soon, clock.Elapsed);
        return message;
    }

    private void AssertModelRefused(string part, Func<byte[], byte[]> change, string expected)
    {
        string zip = Model(part, change);
        long tensors = LiveTensors.CountAfterCollection();

        StringAssert.Contains(Refusal(() => _context.Model.Load(zip, out _)), expected);
        StringAssert.Contains(Refusal(() => ResNetWeights.FromFile(zip)), expected);
        Assert.AreEqual(tensors, Tensor.TotalCount);
    }

    /// <summary>A model file in which one part has been changed.</summary>
    private string Model(string part, Func<byte[], byte[]> change)
    {
        var entries = ZipMutator.Read(WeightSeeds.ModelZip(_context))
            .Select(entry => entry.Name.EndsWith(part, StringComparison.Ordinal) ? (entry.Name, change(entry.Content)) : entry);
        File.WriteAllBytes(_folder.File("model.zip"), ZipMutator.Write(entries, CompressionLevel.Optimal));
        return _folder.File("model.zip");
    }

    private static string Refusal(Action read)
    {
        Exception? exception = Assert.Throws<Exception>(read);
        while (exception is not (null or InvalidDataException))
        {
            exception = exception.InnerException;
        }

        Assert.IsNotNull(exception);
        return exception.Message;
    }

    private static byte[] Replace(byte[] json, string pattern, string replacement)
    {
        string text = Encoding.UTF8.GetString(json);
        Assert.IsTrue(Regex.IsMatch(text, pattern), text);
        return Encoding.UTF8.GetBytes(Regex.Replace(text, pattern, replacement));
    }
}
