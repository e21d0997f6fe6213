using System.Reflection;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Writes the id by which documentation and analysers know a member (C# specification, annex D.4.2).</summary>
internal static class DocumentationId
{
    /// <summary>The id of a method or constructor; that of the property where the method is a property's accessor.</summary>
    public static string Of(MethodBase method)
    {
        string type = Name(method.DeclaringType!), name = method.IsConstructor ? "#ctor" : method.Name;
        ParameterInfo[] parameters = method.GetParameters();
        if (method.IsSpecialName && (name.StartsWith("get_", StringComparison.Ordinal) || name.StartsWith("set_", StringComparison.Ordinal)))
        {
            ParameterInfo[] indices = name[0] == 's' ? parameters[..^1] : parameters;
            return $"P:{type}.{name[4..]}{Arguments(indices)}";
        }

        string generic = method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "";
        string result = name is "op_Implicit" or "op_Explicit" ? $"~{Name(((MethodInfo)method).ReturnType)}" : "";
        return $"M:{type}.{name}{generic}{Arguments(parameters)}{result}";
    }

    private static string Arguments(ParameterInfo[] parameters)
        => parameters.Length == 0 ? "" : $"({string.Join(",", parameters.Select(parameter => Name(parameter.ParameterType)))})";

    private static string Name(Type type)
    {
        if (type.IsGenericParameter)
        {
            return $"{(type.DeclaringMethod is null ? "`" : "``")}{type.GenericParameterPosition}";
        }

        if (type.IsByRef)
        {
            return $"{Name(type.GetElementType()!)}@";
        }

        if (type.IsPointer)
        {
            return $"{Name(type.GetElementType()!)}*";
        }

        if (type.IsArray)
        {
            int rank = type.GetArrayRank();
            return $"{Name(type.GetElementType()!)}[{(rank == 1 ? "" : string.Join(",", Enumerable.Repeat("0:", rank)))}]";
        }

        if (type.IsConstructedGenericType)
        {
            // The types around a nested one have arguments of their own, which come first.
            return WithArguments(type.GetGenericTypeDefinition(), type.GenericTypeArguments);
        }

        return type.FullName!.Replace('+', '.');
    }

    private static string WithArguments(Type definition, Type[] arguments)
    {
        int outer = definition.DeclaringType?.GetGenericArguments().Length ?? 0;
        string prefix = definition.DeclaringType is { } declaring ? $"{(outer > 0 ? WithArguments(declaring, arguments[..outer]) : Name(declaring))}." : $"{definition.Namespace}.";
        string name = definition.Name.Split('`')[0];
        Type[] own = arguments[outer..definition.GetGenericArguments().Length];
        return prefix + name + (own.Length == 0 ? "" : $"{{{string.Join(",", own.Select(Name))}}}");
    }
}
