using System.Reflection;
using TorchSharp;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// Finds, in the code of the TorchSharp that is referenced, what hands libtorch a <see cref="Scalar"/> that may be freed too early: methods
/// that take one of the caller, and methods that make one themselves, or call others that do.
/// </summary>
internal static class TorchSharpScalars
{
    private static readonly Assembly s_torchSharp = typeof(Scalar).Assembly;

    /// <summary>All of them that are public: documentation ids, as BannedApiAnalyzers reads them, in order.</summary>
    public static string[] PublicIds()
    {
        HashSet<MethodBase> making = Making();
        return
        [
            .. IntermediateLanguage.MethodsOf(s_torchSharp)
                .Where(method => method is { DeclaringType.IsVisible: true } && (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly))
                .Where(method => method.DeclaringType != typeof(Scalar) && (Takes(method) || making.Contains(method)))
                .Select(DocumentationId.Of)
                .Append($"T:{typeof(Scalar).FullName}")
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
    }

    private static HashSet<MethodBase> Making()
    {
        MethodBase[] methods = [.. IntermediateLanguage.MethodsOf(s_torchSharp).Where(method => method.DeclaringType != typeof(Scalar) && method.Name != "ToScalar")];
        Dictionary<MethodBase, MethodBase[]> calls = methods.ToDictionary(method => method, method => IntermediateLanguage.MethodsNamedBy(method).ToArray());
        HashSet<MethodBase> making = [.. methods.Where(method => calls[method].Any(IsMaker))];
        int before;
        do
        {
            before = making.Count;
            making.UnionWith(methods.Where(method => !making.Contains(method) && calls[method].Any(making.Contains)));
        }
        while (making.Count > before);
        return making;
    }

    private static bool IsMaker(MethodBase method)
        => method.Name == "ToScalar" || (method.DeclaringType == typeof(Scalar) && (method.IsConstructor || method.Name == "op_Implicit"));

    private static bool Takes(MethodBase method) => method.GetParameters().Any(parameter => Names(parameter.ParameterType));

    private static bool Names(Type type)
        => type == typeof(Scalar) || (type.HasElementType && Names(type.GetElementType()!)) || type.GenericTypeArguments.Any(Names);
}
