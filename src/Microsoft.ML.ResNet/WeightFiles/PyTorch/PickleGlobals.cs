namespace Microsoft.ML.ResNet.WeightFiles.PyTorch;

/// <summary>
/// The Python classes and functions that a weights file may name, and what each of them makes. There is no other way to make anything:
/// nothing is looked up, imported or called.
/// </summary>
internal static class PickleGlobals
{
    /// <summary>What training scripts keep beside the weights: settings and numbers, whose values are dropped.</summary>
    private static readonly HashSet<string> Dropped = new(StringComparer.Ordinal)
    {
        "argparse.Namespace",
        "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset", "builtins.bytearray", "__builtin__.bytearray",
        "builtins.complex", "__builtin__.complex", "builtins.object", "__builtin__.object", "builtins.slice",
        "builtins.dict", "__builtin__.dict", "builtins.list", "__builtin__.list", "builtins.int", "builtins.float", "builtins.str",
        "collections.defaultdict", "collections.Counter", "collections.deque",
        "copyreg._reconstructor", "copy_reg._reconstructor",
        "_codecs.encode",
        "numpy.dtype", "numpy.ndarray", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
        "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath", "pathlib._local.WindowsPath",
        "datetime.datetime", "datetime.date", "datetime.timedelta",
        "torch.device", "torch.Generator",
    };

    /// <exception cref="InvalidDataException">The name is not one that weights need.</exception>
    public static PickleGlobal Allow(string module, string name)
    {
        var global = new PickleGlobal(module, name);
        bool isAllowed = global.FullName is "collections.OrderedDict" or "torch.Size"
                or "torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_tensor_v3"
                or "torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state"
                or "torch.UntypedStorage" or "torch.storage.UntypedStorage"
            || ((module is "torch" or "torch.cuda") && ElementTypes.OfTorch(name) is not null)
            || Dropped.Contains(global.FullName);
        return isAllowed
            ? global
            : throw new InvalidDataException(
                $"the pickle asks for the Python object '{global.FullName}', which is not needed for weights, and nothing of a file is run. "
                + "Save the state alone: torch.save(model.state_dict(), path), or safetensors.torch.save_file(model.state_dict(), path).");
    }

    /// <summary>The element type of a storage class; null for the one without.</summary>
    /// <exception cref="InvalidDataException">It is no storage class.</exception>
    public static WeightElementType? StorageType(PickleGlobal type)
        => type.Name == "UntypedStorage" ? null
            : type.Name.EndsWith("Storage", StringComparison.Ordinal) && ElementTypes.OfTorch(type.Name) is { } known ? known
            : throw new InvalidDataException($"the pickle has a storage of the class '{type.FullName}', which is none.");

    /// <summary>The result of <c>function(*arguments)</c>.</summary>
    /// <exception cref="InvalidDataException">The arguments are not those that the function takes.</exception>
    public static object? Reduce(object? function, object? argumentTuple)
    {
        if (function is not PickleGlobal global || argumentTuple is not object?[] arguments)
        {
            throw new InvalidDataException("the pickle calls something that is no function.");
        }

        switch (global.FullName)
        {
            case "collections.OrderedDict":
                return OrderedDict(arguments);
            case "torch.Size":
                return arguments is [object?[] sizes] ? sizes : throw BadArguments(global);
            case "torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2":
                return PyTorchTensor.Of(arguments);
            case "torch._utils._rebuild_tensor_v3":
                return arguments is [_, _, _, _, _, _, PickleGlobal type, ..] && ElementTypes.OfTorch(type.Name) is { } elementType
                    ? PyTorchTensor.Of(arguments, elementType)
                    : throw BadArguments(global);
            case "torch._utils._rebuild_parameter" or "torch._utils._rebuild_parameter_with_state":
                return arguments is [PyTorchTensor tensor, ..] ? tensor : throw BadArguments(global);
            default:
                return Dropped.Contains(global.FullName) ? PickleOpaque.Instance : throw BadArguments(global);
        }
    }

    private static PickleDictionary OrderedDict(object?[] arguments)
    {
        var result = new PickleDictionary();
        if (arguments is [List<object?> items])
        {
            foreach (object? item in items)
            {
                (object? key, object? value) = item switch
                {
                    object?[] { Length: 2 } pair => (pair[0], pair[1]),
                    List<object?> { Count: 2 } pair => (pair[0], pair[1]),
                    _ => throw new InvalidDataException("the pickle has a dictionary with items that are no pairs."),
                };
                result.Add(key, value);
            }
        }
        else if (arguments.Length > 0)
        {
            throw new InvalidDataException("the pickle has a dictionary that is made from something else than pairs.");
        }

        return result;
    }

    private static InvalidDataException BadArguments(PickleGlobal global) => new($"the pickle uses '{global.FullName}' in a way that PyTorch doesn't.");
}
