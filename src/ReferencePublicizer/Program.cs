// Writes a compile-time copy of an assembly in which internal types, methods and fields are public.
// Usage: ReferencePublicizer INPUT.dll OUTPUT.dll [INPUT.dll OUTPUT.dll ...]
//
// Only the three accessibility bits in the metadata tables are changed, in place: no instruction, no signature and no
// token moves, so what compiles against the copy binds to the original assembly at run time.

using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

if (args.Length == 0 || args.Length % 2 != 0)
{
    Console.Error.WriteLine("Usage: ReferencePublicizer INPUT.dll OUTPUT.dll [INPUT.dll OUTPUT.dll ...]");
    return 2;
}

for (int i = 0; i < args.Length; i += 2)
{
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(args[i + 1]))!);
    File.WriteAllBytes(args[i + 1], Publicize(File.ReadAllBytes(args[i])));
}

return 0;

static byte[] Publicize(byte[] original)
{
    byte[] image = (byte[])original.Clone();
    using var reader = new PEReader(new MemoryStream(original));
    MetadataReader metadata = reader.GetMetadataReader();
    int metadataStart = reader.PEHeaders.MetadataStartOffset;

    // ECMA-335 II.22.37, II.22.26, II.22.15: the flags are at byte 0 of a TypeDef row (visibility in its low three
    // bits), at byte 6 of a MethodDef row, and at byte 0 of a Field row (accessibility in the low three bits).
    SetAccess(TableIndex.TypeDef, column: 0, access => access switch
    {
        0 => 1,                 // NotPublic -> Public
        4 or 5 or 6 or 7 => 2,  // nested family, assembly, family-and-assembly, family-or-assembly -> NestedPublic
        _ => access,
    });
    SetAccess(TableIndex.MethodDef, column: 6, MemberAccess);
    SetAccess(TableIndex.Field, column: 0, MemberAccess);
    return image;

    // Family-and-assembly (2), assembly (3) and family-or-assembly (5) become public (6); private and protected stay.
    static int MemberAccess(int access) => access is 2 or 3 or 5 ? 6 : access;

    void SetAccess(TableIndex table, int column, Func<int, int> map)
    {
        int offset = metadataStart + metadata.GetTableMetadataOffset(table) + column;
        int rowSize = metadata.GetTableRowSize(table);
        for (int row = 0; row < metadata.GetTableRowCount(table); row++, offset += rowSize)
        {
            image[offset] = (byte)((image[offset] & ~7) | map(image[offset] & 7));
        }
    }
}
