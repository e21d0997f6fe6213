using System.IO.Compression;
using System.Numerics;
using System.Text;

namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>
/// Reads the tensors of a file that <c>torch.save</c> wrote: a zip of a pickle and the storages' bytes (PyTorch 1.6 and later), or
/// several pickles and the storages one behind the other (before).
/// </summary>
internal static class PyTorchReader
{
    /// <summary>The longest pickle that is read, in bytes; the storages' bytes are not part of it.</summary>
    public const int MaximumPickleLength = 64 << 20;

    private const long LegacyProtocol = 1001;

    // torch.serialization.MAGIC_NUMBER
    private static readonly BigInteger LegacyMagic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    public static IReadOnlyList<WeightTensor> ReadZip(ZipArchive archive, long fileLength)
    {
        ZipArchiveEntry pickle = archive.Entries.First(entry => IsPickle(entry.FullName));
        string folder = pickle.FullName[..^"data.pkl".Length];
        CheckByteOrder(archive, folder);
        var state = PyTorchState.Find(ReadPickle(pickle));
        return Gather(state, fileLength, storage =>
        {
            string name = $"{folder}data/{storage.Key}";
            ZipArchiveEntry entry = archive.GetEntry(name) ?? throw new InvalidDataException($"the storage '{name}' is missing from the archive.");
            return entry.Length == storage.ByteCount
                ? ReadStored(entry)
                : throw new InvalidDataException($"the storage '{name}' has {entry.Length} bytes, but {storage.ByteCount} are expected.");
        });
    }

    public static bool IsPickle(string entryName) => entryName.EndsWith("/data.pkl", StringComparison.Ordinal);

    public static IReadOnlyList<WeightTensor> ReadLegacy(Stream stream)
    {
        if (ReadPickle(stream) is not BigInteger magic || magic != LegacyMagic)
        {
            throw new InvalidDataException("it is a pickle, but none that torch.save wrote. Save the state: torch.save(model.state_dict(), path).");
        }

        if (ReadPickle(stream) is not LegacyProtocol)
        {
            throw new InvalidDataException($"the PyTorch file's protocol is not {LegacyProtocol}.");
        }

        if (ReadPickle(stream) is not PickleDictionary system || system.Find("little_endian") is not true)
        {
            throw new InvalidDataException("it was written on a big-endian machine, and such files are not read. Save it again on another.");
        }

        var reader = new PickleReader(stream, MaximumPickleLength);
        var state = PyTorchState.Find(reader.Read());
        Dictionary<string, long> offsets = LocateStorages(stream, reader.Storages);
        return Gather(state, stream.Length, storage =>
        {
            stream.Position = offsets.TryGetValue(storage.Key, out long offset) ? offset : throw new InvalidDataException($"the storage '{storage.Key}' is missing.");
            byte[] bytes = GC.AllocateUninitializedArray<byte>((int)storage.ByteCount);
            stream.ReadExactly(bytes);
            return bytes;
        });
    }

    /// <summary>The storages follow in the order of a list of their keys: the number of elements in eight bytes, then the elements.</summary>
    private static Dictionary<string, long> LocateStorages(Stream stream, IReadOnlyDictionary<string, PyTorchStorage> storages)
    {
        List<object?> keys = ReadPickle(stream) as List<object?> ?? throw new InvalidDataException("the list of storages is missing.");
        Dictionary<string, long> offsets = new(StringComparer.Ordinal);
        byte[] count = new byte[8];
        foreach (object? item in keys)
        {
            if (item is not string key || !storages.TryGetValue(key, out PyTorchStorage? storage))
            {
                throw new InvalidDataException($"the list of storages has '{item}', which no tensor refers to.");
            }

            stream.ReadExactly(count);
            if (BitConverter.ToInt64(count) != storage.ElementCount || storage.ByteCount > stream.Length - stream.Position || !offsets.TryAdd(key, stream.Position))
            {
                throw new InvalidDataException($"the storage '{key}' of {storage.ElementCount} elements is cut short, listed twice, or said to have {BitConverter.ToInt64(count)}.");
            }

            stream.Position += storage.ByteCount;
        }

        return offsets;
    }

    private static IReadOnlyList<WeightTensor> Gather(IReadOnlyList<(string Name, PyTorchTensor Tensor)> state, long fileLength, Func<PyTorchStorage, byte[]> read)
    {
        // Tensors may share a storage; a state that is far larger than its file is no network's.
        const int largestGrowth = 4;
        long total = state.Sum(entry => entry.Tensor.ElementCount * entry.Tensor.Type.Size());
        if (total > (largestGrowth * fileLength) || state.Any(entry => entry.Tensor.Storage.ByteCount > Math.Min(fileLength, Array.MaxLength)))
        {
            throw new InvalidDataException($"the state takes {total} bytes, but the file has {fileLength}.");
        }

        // Parts of a hostile archive may lie one over the other, so that each is as long as the file.
        long stored = state.Select(entry => entry.Tensor.Storage).DistinctBy(storage => storage.Key, StringComparer.Ordinal).Sum(storage => storage.ByteCount);
        if (stored > fileLength)
        {
            throw new InvalidDataException($"its storages have {stored} bytes together, but the file has {fileLength}: they overlap.");
        }

        WeightTensor[] tensors = new WeightTensor[state.Count];
        foreach (var group in Enumerable.Range(0, state.Count).GroupBy(i => state[i].Tensor.Storage.Key, StringComparer.Ordinal))
        {
            byte[] bytes = read(state[group.First()].Tensor.Storage);
            foreach (int i in group)
            {
                var (name, tensor) = state[i];
                tensors[i] = new WeightTensor(name, tensor.Shape, tensor.Type, tensor.Gather(bytes));
            }
        }

        return tensors;
    }

    private static void CheckByteOrder(ZipArchive archive, string folder)
    {
        if (archive.GetEntry($"{folder}byteorder") is { Length: < 16 } entry && Encoding.ASCII.GetString(ReadStored(entry)).Trim() is not "little" and var order)
        {
            throw new InvalidDataException($"its byte order is '{order}', and only little-endian files are read. Save it again on another machine.");
        }
    }

    private static object? ReadPickle(ZipArchiveEntry entry)
    {
        if (entry.Length > MaximumPickleLength)
        {
            throw new InvalidDataException($"the pickle '{entry.FullName}' has {entry.Length} bytes, more than {MaximumPickleLength}.");
        }

        return new PickleReader(new MemoryStream(ReadStored(entry)), MaximumPickleLength).Read();
    }

    private static object? ReadPickle(Stream stream) => new PickleReader(stream, MaximumPickleLength).Read();

    /// <summary>PyTorch stores without compression; so nothing here can unpack to more than it holds.</summary>
    private static byte[] ReadStored(ZipArchiveEntry entry)
    {
        if (entry.CompressedLength != entry.Length)
        {
            throw new InvalidDataException($"the part '{entry.FullName}' is compressed, which torch.save doesn't do. Save the file again with torch.save.");
        }

        // Opening checks that the part lies within the file, so that what is allocated is there.
        using Stream stream = entry.Open();
        byte[] bytes = GC.AllocateUninitializedArray<byte>(checked((int)entry.Length));
        stream.ReadExactly(bytes);
        return bytes;
    }
}
