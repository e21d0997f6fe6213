using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Microsoft.ML.ResNet.Tests.MLNet;

/// <summary>
/// The library reaches internals of ML.NET, which may change without notice. These tests name what is reached, and what a newer
/// ML.NET no longer has.
/// </summary>
[TestClass]
public sealed class InternalMembersTests
{
    private static readonly string[] Publicized = ["Microsoft.ML.Core", "Microsoft.ML.Data"];

    /// <summary>All internals of ML.NET that the library uses. A change of this list is a change of what must be looked at when ML.NET is updated.</summary>
    private static readonly string[] Expected =
    [
        "Microsoft.ML.Data.AnnotationUtils",
        "Microsoft.ML.Data.AnnotationUtils.AnnotationsForMulticlassScoreColumn",
        "Microsoft.ML.Data.AnnotationUtils.GetTrainerOutputAnnotation",
        "Microsoft.ML.Data.IInternalCatalog",
        "Microsoft.ML.Data.IInternalCatalog.get_Environment",
        "Microsoft.ML.LoadableClassAttribute",
        "Microsoft.ML.LoadableClassAttribute..ctor",
        "Microsoft.ML.ModelLoadContext",
        "Microsoft.ML.ModelLoadContext.CheckAtModel",
        "Microsoft.ML.ModelLoadContext.CheckVersionInfo",
        "Microsoft.ML.ModelLoadContext.Directory",
        "Microsoft.ML.ModelLoadContext.Repository",
        "Microsoft.ML.ModelLoadContext.TryLoadBinaryStream",
        "Microsoft.ML.ModelSaveContext.CheckAtModel",
        "Microsoft.ML.ModelSaveContext.Directory",
        "Microsoft.ML.ModelSaveContext.Repository",
        "Microsoft.ML.ModelSaveContext.SaveBinaryStream",
        "Microsoft.ML.ModelSaveContext.SetVersionInfo",
        "Microsoft.ML.RepositoryReader",
        "Microsoft.ML.RepositoryWriter",
        "Microsoft.ML.Runtime.ICancelable",
        "Microsoft.ML.Runtime.ICancelable.get_IsCanceled",
        "Microsoft.ML.Runtime.IHostEnvironmentInternal",
        "Microsoft.ML.Runtime.IHostEnvironmentInternal.get_FallbackToCpu",
        "Microsoft.ML.Runtime.IHostEnvironmentInternal.get_GpuDeviceId",
        "Microsoft.ML.Runtime.IHostEnvironmentInternal.get_Seed",
        "Microsoft.ML.Runtime.IHostEnvironmentInternal.get_TempFilePath",
        "Microsoft.ML.SchemaShape+Column..ctor",
        "Microsoft.ML.SchemaShape+Column.GetTypeString",
        "Microsoft.ML.SchemaShape.TryFindColumn",
        "Microsoft.ML.SignatureLoadModel",
        "Microsoft.ML.VersionInfo",
        "Microsoft.ML.VersionInfo..ctor",
    ];

    [TestMethod]
    public void UsedInternals_AreThoseOfTheList()
    {
        string[] used = [.. Uses().Where(use => use.Target is not null && !IsPublic(use.Target)).Select(use => use.Name).Distinct().Order(StringComparer.Ordinal)];

        CollectionAssert.AreEqual(Expected, used, $"The library uses these internals now:\n{string.Join("\n", used)}");
    }

    [TestMethod]
    public void UsedMembers_AllExistInTheMlNetThatRuns()
    {
        string[] missing = [.. Uses().Where(use => use.Target is null).Select(use => use.Name).Distinct()];

        Assert.IsEmpty(missing, $"This version of ML.NET lacks what the library uses: {string.Join(", ", missing)}. Adapt src/Microsoft.ML.ResNet/MLNet.");
    }

    /// <summary>Every type and member of the two assemblies that the library's metadata refers to, with what it is at run time.</summary>
    private static IEnumerable<(string Name, MemberInfo? Target)> Uses()
    {
        using var image = new PEReader(File.OpenRead(typeof(ResNetTrainer).Assembly.Location));
        MetadataReader metadata = image.GetMetadataReader();
        foreach (TypeReferenceHandle handle in metadata.TypeReferences)
        {
            if (AssemblyOf(metadata, handle) is { } assembly)
            {
                yield return (FullName(metadata, handle), assembly.GetType(FullName(metadata, handle)));
            }
        }

        foreach (MemberReferenceHandle handle in metadata.MemberReferences)
        {
            MemberReference member = metadata.GetMemberReference(handle);
            if (member.Parent.Kind == HandleKind.TypeReference && AssemblyOf(metadata, (TypeReferenceHandle)member.Parent) is { } assembly)
            {
                string typeName = FullName(metadata, (TypeReferenceHandle)member.Parent), name = metadata.GetString(member.Name);
                Type? type = assembly.GetType(typeName);
                MemberInfo[] candidates = type?.GetMember(
                    name, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.FlattenHierarchy) ?? [];
                MemberInfo? target = Resolve(MetadataTokenOf(handle)) ?? (candidates.Length == 1 && member.GetKind() == MemberReferenceKind.Field ? candidates[0] : null);
                yield return ($"{typeName}.{name}", target);
            }
        }
    }

    /// <summary>What the runtime binds a reference of the library to, or null where it finds nothing of that signature.</summary>
    private static MemberInfo? Resolve(int token)
    {
        try
        {
            return typeof(ResNetTrainer).Module.ResolveMember(token);
        }
        catch (Exception exception) when (exception is MissingMemberException or TypeLoadException or ArgumentException)
        {
            return null;
        }
    }

    private static int MetadataTokenOf(MemberReferenceHandle handle) => System.Reflection.Metadata.Ecma335.MetadataTokens.GetToken(handle);

    private static Assembly? AssemblyOf(MetadataReader metadata, TypeReferenceHandle handle)
    {
        EntityHandle scope = metadata.GetTypeReference(handle).ResolutionScope;
        while (scope.Kind == HandleKind.TypeReference)
        {
            scope = metadata.GetTypeReference((TypeReferenceHandle)scope).ResolutionScope;
        }

        if (scope.Kind != HandleKind.AssemblyReference)
        {
            return null;
        }

        string name = metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)scope).Name);
        return Publicized.Contains(name) ? Assembly.Load(name) : null;
    }

    private static string FullName(MetadataReader metadata, TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        string name = metadata.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{FullName(metadata, (TypeReferenceHandle)type.ResolutionScope)}+{name}"
            : $"{metadata.GetString(type.Namespace)}.{name}";
    }

    private static bool IsPublic(MemberInfo member) => member switch
    {
        Type type => type.IsVisible,
        MethodBase method => (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly) && method.DeclaringType!.IsVisible,
        FieldInfo field => (field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) && field.DeclaringType!.IsVisible,
        _ => true,
    };
}
