using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>
/// Reads a pickle of protocol 2 to 5 as data. It knows the instructions that <c>torch.save</c> writes, makes numbers, strings, lists,
/// tuples, dictionaries and descriptions of tensors, and refuses by name whatever else a pickle asks for (<see cref="PickleGlobals"/>).
/// </summary>
/// <param name="stream">Stands at the pickle's first byte, and after <see cref="Read"/> behind its last.</param>
/// <param name="lengthLimit">The most bytes that the pickle may have.</param>
internal sealed class PickleReader(Stream stream, long lengthLimit)
{
    // ResNet152 with its optimiser takes a quarter of a million; each costs some 100 bytes at the most.
    private const int MaximumValues = 4_000_000;
    private const int MaximumNumberBytes = 255;

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly Dictionary<string, PyTorchStorage> _storages = new(StringComparer.Ordinal);
    private readonly byte[] _number = new byte[8];

    // A file's length is a call of the system each time.
    private readonly long _end = stream.Length;
    private long _remaining = lengthLimit;
    private int _valueCount;

    /// <summary>Every storage that the pickle refers to, by its key.</summary>
    public IReadOnlyDictionary<string, PyTorchStorage> Storages => _storages;

    /// <exception cref="InvalidDataException">The pickle is damaged, too large, or asks for what weights don't need.</exception>
    public object? Read()
    {
        while (true)
        {
            int code = ReadByte();
            if (code == '.')
            {
                return Pop();
            }

            Execute(code);
        }
    }

    private void Execute(int code)
    {
        switch (code)
        {
            case 0x80: // PROTO
                int protocol = ReadByte();
                _ = protocol is >= 2 and <= 5 ? 0 : throw new InvalidDataException($"the pickle has protocol {protocol}, expected 2 to 5, as torch.save writes.");
                break;
            case 0x95: // FRAME
                ReadUnsigned(8);
                break;
            case '(': // MARK
                Count();
                _marks.Add(_stack.Count);
                break;
            case '0': // POP
                Pop();
                break;
            case '1': // POP_MARK
                PopToMark();
                break;
            case 'N':
                Push(null);
                break;
            case 0x88: // NEWTRUE
                Push(true);
                break;
            case 0x89: // NEWFALSE
                Push(false);
                break;
            case 'K': // BININT1
                Push((long)ReadByte());
                break;
            case 'M': // BININT2
                Push(ReadUnsigned(2));
                break;
            case 'J': // BININT
                Push((long)(int)ReadUnsigned(4));
                break;
            case 0x8a: // LONG1
                Push(ReadLong(ReadByte()));
                break;
            case 0x8b: // LONG4
                Push(ReadLong(ReadUnsigned(4)));
                break;
            case 'G': // BINFLOAT
                ReadInto(_number);
                Push(BinaryPrimitives.ReadDoubleBigEndian(_number));
                break;
            case 'X' or 'T': // BINUNICODE, BINSTRING
                Push(ReadText(ReadUnsigned(4)));
                break;
            case 0x8c or 'U': // SHORT_BINUNICODE, SHORT_BINSTRING
                Push(ReadText(ReadByte()));
                break;
            case 0x8d: // BINUNICODE8
                Push(ReadText(ReadUnsigned(8)));
                break;
            case 'B': // BINBYTES
                Push(ReadBytes(ReadUnsigned(4)));
                break;
            case 'C': // SHORT_BINBYTES
                Push(ReadBytes(ReadByte()));
                break;
            case 0x8e or 0x96: // BINBYTES8, BYTEARRAY8
                Push(ReadBytes(ReadUnsigned(8)));
                break;
            case 'q': // BINPUT
                Keep(ReadByte());
                break;
            case 'r': // LONG_BINPUT
                Keep(ReadUnsigned(4));
                break;
            case 0x94: // MEMOIZE
                Keep(_memo.Count);
                break;
            case 'h': // BINGET
                Push(Recall(ReadByte()));
                break;
            case 'j': // LONG_BINGET
                Push(Recall(ReadUnsigned(4)));
                break;
            default:
                ExecuteOnValues(code);
                break;
        }
    }

    private void ExecuteOnValues(int code)
    {
        switch (code)
        {
            case ']':
                Push(new List<object?>());
                break;
            case '}':
                Push(new PickleDictionary());
                break;
            case ')':
                Push(Array.Empty<object?>());
                break;
            case 't': // TUPLE
                Push(PopToMark());
                break;
            case >= 0x85 and <= 0x87: // TUPLE1, TUPLE2, TUPLE3
                Push(Pop(code - 0x84));
                break;
            case 'l': // LIST
                Push(new List<object?>(PopToMark()));
                break;
            case 'a': // APPEND
                Append(Pop(1));
                break;
            case 'e': // APPENDS
                Append(PopToMark());
                break;
            case 'd': // DICT
                object?[] items = PopToMark();
                Push(new PickleDictionary());
                SetItems(items);
                break;
            case 's': // SETITEM
                SetItems(Pop(2));
                break;
            case 'u': // SETITEMS
                SetItems(PopToMark());
                break;
            case 0x8f: // EMPTY_SET
                Push(PickleOpaque.Instance);
                break;
            case 0x90: // ADDITEMS
                PopToMark();
                break;
            case 0x91: // FROZENSET
                PopToMark();
                Push(PickleOpaque.Instance);
                break;
            case 'c': // GLOBAL
                string module = ReadLine();
                Push(PickleGlobals.Allow(module, ReadLine()));
                break;
            case 0x93: // STACK_GLOBAL
                Push(Pop(2) is [string first, string second] ? PickleGlobals.Allow(first, second) : throw new InvalidDataException("the pickle names an object by something else than text."));
                break;
            case 'R' or 0x81: // REDUCE, NEWOBJ
                object?[] call = Pop(2);
                Call(call[0], call[1]);
                break;
            case 0x92: // NEWOBJ_EX
                object?[] construction = Pop(3);
                Call(construction[0], construction[1]);
                break;
            case 'b': // BUILD
                // State of a dictionary, a tensor or a dropped object beside its value, such as a state_dict's _metadata.
                Pop();
                _ = Peek() is PickleDictionary or PyTorchTensor or PickleOpaque ? 0 : throw new InvalidDataException("the pickle sets the state of something that has none.");
                break;
            case 'Q': // BINPERSID
                var storage = PyTorchStorage.Of(Pop());
                if (!_storages.TryAdd(storage.Key, storage) && _storages[storage.Key].ByteCount != storage.ByteCount)
                {
                    throw new InvalidDataException($"the storage '{storage.Key}' is said to have {_storages[storage.Key].ByteCount} and {storage.ByteCount} bytes.");
                }

                Push(storage);
                break;
            default:
                throw new InvalidDataException($"the pickle has the instruction 0x{code:x2}, which torch.save doesn't write.");
        }
    }

    private void Push(object? value)
    {
        Count();
        _stack.Add(value);
    }

    /// <summary>A call copies its arguments: one list that is given to many calls must not grow a small file without limit.</summary>
    private void Call(object? function, object? arguments)
    {
        if (arguments is object?[] { Length: > 0 } values)
        {
            Count(values[0] is List<object?> list ? list.Count : values.Length);
        }

        Push(PickleGlobals.Reduce(function, arguments));
    }

    private void Keep(long key)
    {
        Count();
        _memo[key] = Peek();
    }

    private void Count(int values = 1)
    {
        if ((_valueCount += values) is > MaximumValues or < 0)
        {
            throw new InvalidDataException($"the pickle has more than {MaximumValues} values.");
        }
    }

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object?[] Pop(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw Underflow();
        }

        if (count == 0)
        {
            return [];
        }

        object?[] values = new object?[count];
        _stack.CopyTo(_stack.Count - count, values, 0, count);
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw Underflow();
        }

        object?[] values = Pop(_stack.Count - Floor);
        _marks.RemoveAt(_marks.Count - 1);
        return values;
    }

    /// <summary>Values below the last mark belong to what is built there.</summary>
    private int Floor => _marks.Count == 0 ? 0 : _marks[^1];

    private void Append(object?[] values)
    {
        switch (Peek())
        {
            case List<object?> list:
                list.AddRange(values);
                break;
            case PickleOpaque:
                break;
            default:
                throw new InvalidDataException("the pickle appends to something that is no list.");
        }
    }

    private void SetItems(object?[] values)
    {
        if (values.Length % 2 != 0)
        {
            throw new InvalidDataException("the pickle sets a key without a value.");
        }

        object? target = Peek();
        if (target is PickleOpaque)
        {
            return;
        }

        PickleDictionary dictionary = target as PickleDictionary ?? throw new InvalidDataException("the pickle sets an item of something that is no dictionary.");
        for (int i = 0; i < values.Length; i += 2)
        {
            dictionary.Add(values[i], values[i + 1]);
        }
    }

    private object? Recall(long key) => _memo.TryGetValue(key, out object? value) ? value : throw new InvalidDataException($"the pickle recalls value {key}, which it never kept.");

    private object ReadLong(long byteCount)
    {
        if (byteCount > MaximumNumberBytes)
        {
            throw new InvalidDataException($"the pickle has a number of {byteCount} bytes.");
        }

        var number = new BigInteger(ReadBytes(byteCount));
        return number >= long.MinValue && number <= long.MaxValue ? (long)number : number;
    }

    private string ReadText(long length) => Encoding.UTF8.GetString(ReadBytes(length));

    private string ReadLine()
    {
        const int longest = 512;
        var text = new StringBuilder();
        for (int next = ReadByte(); next != '\n'; next = ReadByte())
        {
            _ = text.Length < longest ? text.Append((char)next) : throw new InvalidDataException($"the pickle has a name of more than {longest} letters.");
        }

        return text.ToString();
    }

    private long ReadUnsigned(int byteCount)
    {
        Array.Clear(_number);
        ReadInto(_number.AsSpan(0, byteCount));
        return BinaryPrimitives.ReadInt64LittleEndian(_number);
    }

    private byte[] ReadBytes(long length)
    {
        if (length < 0 || length > _remaining || length > _end - stream.Position)
        {
            throw new InvalidDataException($"the pickle has a text of {(ulong)length} bytes, but only {Math.Min(_remaining, _end - stream.Position)} are left.");
        }

        byte[] bytes = new byte[length];
        ReadInto(bytes);
        return bytes;
    }

    private int ReadByte()
    {
        int value = _remaining-- > 0 ? stream.ReadByte() : throw TooLong();
        return value >= 0 ? value : throw new InvalidDataException("the pickle is cut short.");
    }

    private void ReadInto(Span<byte> buffer)
    {
        _remaining -= buffer.Length;
        if (_remaining < 0)
        {
            throw TooLong();
        }

        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw new InvalidDataException("the pickle is cut short.");
        }
    }

    private InvalidDataException TooLong() => new("the pickle has more bytes than weights need.");

    private static InvalidDataException Underflow() => new("the pickle takes values that it never made.");
}
