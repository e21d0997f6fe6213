using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Reflection.Metadata.Ecma335;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Which type of an assembly refers to which: in its base types, members, local variables and code. Nested types count as their outermost type.</summary>
internal sealed class TypeReferences
{
    /// <summary>The kind of debug information that names the source files of types without methods (Portable PDB, TypeDefinitionDocuments).</summary>
    private static readonly Guid s_typeDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes).GetFields().Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    private readonly MetadataReader _metadata;
    private readonly MetadataReader _symbols;
    private readonly PEReader _assembly;
    private readonly Dictionary<TypeDefinitionHandle, HashSet<TypeDefinitionHandle>> _references = [];

    private TypeReferences(PEReader assembly, MetadataReader symbols)
    {
        _assembly = assembly;
        _metadata = assembly.GetMetadataReader();
        _symbols = symbols;
        foreach (TypeDefinitionHandle handle in _metadata.TypeDefinitions)
        {
            TypeDefinitionHandle outermost = Outermost(handle);
            if (!_references.TryGetValue(outermost, out HashSet<TypeDefinitionHandle>? found))
            {
                _references[outermost] = found = [];
            }

            Collect(_metadata.GetTypeDefinition(handle), new Collector(this, found));
        }
    }

    /// <summary>Reads an assembly whose portable symbols lie beside it.</summary>
    /// <returns>For each type its source file, and the types of the assembly that it refers to.</returns>
    public static IReadOnlyList<ReferringType> Of(string path)
    {
        using var assembly = new PEReader(File.OpenRead(path));
        if (!assembly.TryOpenAssociatedPortablePdb(path, File.OpenRead, out MetadataReaderProvider? provider, out _))
        {
            throw new FileNotFoundException($"The symbols of '{path}' are missing.");
        }

        using (provider)
        {
            return new TypeReferences(assembly, provider!.GetMetadataReader()).Types();
        }
    }

    private IReadOnlyList<ReferringType> Types()
    {
        Dictionary<TypeDefinitionHandle, string> files = [];
        foreach (TypeDefinitionHandle handle in _metadata.TypeDefinitions)
        {
            if (FileOf(handle) is { } file)
            {
                files.TryAdd(Outermost(handle), file);
            }
        }

        return [.. _references.Where(item => files.ContainsKey(item.Key)).Select(item => new ReferringType(
            NameOf(item.Key), files[item.Key], [.. item.Value.Where(other => other != item.Key && files.ContainsKey(other)).Select(NameOf)]))];
    }

    private string NameOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _metadata.GetTypeDefinition(handle);
        return $"{_metadata.GetString(type.Namespace)}.{_metadata.GetString(type.Name)}";
    }

    private string? FileOf(TypeDefinitionHandle handle)
    {
        foreach (MethodDefinitionHandle method in _metadata.GetTypeDefinition(handle).GetMethods())
        {
            MethodDebugInformation information = _symbols.GetMethodDebugInformation(method);
            if (!information.Document.IsNil)
            {
                return Name(information.Document);
            }
        }

        foreach (CustomDebugInformationHandle each in _symbols.GetCustomDebugInformation(handle))
        {
            CustomDebugInformation information = _symbols.GetCustomDebugInformation(each);
            if (_symbols.GetGuid(information.Kind) == s_typeDocuments)
            {
                return Name(MetadataTokens.DocumentHandle(_symbols.GetBlobReader(information.Value).ReadCompressedInteger()));
            }
        }

        return null;

        string Name(DocumentHandle document) => _symbols.GetString(_symbols.GetDocument(document).Name).Replace('\\', '/');
    }

    private TypeDefinitionHandle Outermost(TypeDefinitionHandle handle)
    {
        for (TypeDefinitionHandle outer = handle; !outer.IsNil; outer = _metadata.GetTypeDefinition(outer).GetDeclaringType())
        {
            handle = outer;
        }

        return handle;
    }

    private void Collect(TypeDefinition type, Collector collector)
    {
        collector.Add(type.BaseType);
        foreach (InterfaceImplementationHandle handle in type.GetInterfaceImplementations())
        {
            collector.Add(_metadata.GetInterfaceImplementation(handle).Interface);
        }

        foreach (FieldDefinitionHandle handle in type.GetFields())
        {
            _metadata.GetFieldDefinition(handle).DecodeSignature(collector, null);
        }

        foreach (MethodDefinitionHandle handle in type.GetMethods())
        {
            MethodDefinition method = _metadata.GetMethodDefinition(handle);
            method.DecodeSignature(collector, null);
            if (method.RelativeVirtualAddress != 0)
            {
                MethodBodyBlock body = _assembly.GetMethodBody(method.RelativeVirtualAddress);
                if (!body.LocalSignature.IsNil)
                {
                    _metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(collector, null);
                }

                CollectCode(body.GetILReader(), collector);
            }
        }
    }

    private static void CollectCode(BlobReader code, Collector collector)
    {
        while (code.RemainingBytes > 0)
        {
            short value = code.ReadByte();
            value = value == 0xFE ? (short)(0xFE00 | code.ReadByte()) : value;
            switch (s_codes[value].OperandType)
            {
                case OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok:
                    collector.Add(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    break;
                case OperandType.InlineNone:
                    break;
                default:
                    code.Offset += 4;
                    break;
            }
        }
    }

    /// <summary>Adds every type of the assembly that a handle or a signature names.</summary>
    private sealed class Collector(TypeReferences owner, HashSet<TypeDefinitionHandle> found) : ISignatureTypeProvider<int, object?>
    {
        public void Add(EntityHandle handle)
        {
            MetadataReader metadata = owner._metadata;
            switch (handle.Kind)
            {
                case HandleKind.TypeDefinition when !handle.IsNil:
                    found.Add(owner.Outermost((TypeDefinitionHandle)handle));
                    break;
                case HandleKind.TypeSpecification:
                    metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(this, null);
                    break;
                case HandleKind.MethodDefinition:
                    Add(metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                    break;
                case HandleKind.FieldDefinition:
                    Add(metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                    break;
                case HandleKind.MemberReference:
                    Add(metadata.GetMemberReference((MemberReferenceHandle)handle).Parent);
                    break;
                case HandleKind.MethodSpecification:
                    MethodSpecification method = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                    Add(method.Method);
                    method.DecodeSignature(this, null);
                    break;
                default:
                    break;
            }
        }

        public int GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            Add(handle);
            return 0;
        }

        public int GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
        {
            Add(handle);
            return 0;
        }

        public int GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => 0;

        public int GetPrimitiveType(PrimitiveTypeCode typeCode) => 0;

        public int GetArrayType(int elementType, ArrayShape shape) => 0;

        public int GetByReferenceType(int elementType) => 0;

        public int GetFunctionPointerType(MethodSignature<int> signature) => 0;

        public int GetGenericInstantiation(int genericType, ImmutableArray<int> typeArguments) => 0;

        public int GetGenericMethodParameter(object? genericContext, int index) => 0;

        public int GetGenericTypeParameter(object? genericContext, int index) => 0;

        public int GetModifiedType(int modifier, int unmodifiedType, bool isRequired) => 0;

        public int GetPinnedType(int elementType) => 0;

        public int GetPointerType(int elementType) => 0;

        public int GetSZArrayType(int elementType) => 0;
    }
}
