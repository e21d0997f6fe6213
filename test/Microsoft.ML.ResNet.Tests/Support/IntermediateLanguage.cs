using System.Reflection;
using System.Reflection.Emit;

namespace Microsoft.ML.ResNet.Tests;

/// <summary>Reads which members a method's code names.</summary>
internal static class IntermediateLanguage
{
    private const byte TwoByteCode = 0xFE;

    private static readonly Dictionary<short, OpCode> s_codes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>All methods and constructors of an assembly's types, those of nested types included.</summary>
    public static IEnumerable<MethodBase> MethodsOf(Assembly assembly)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        return assembly.GetTypes().SelectMany(type => type.GetMethods(all).Cast<MethodBase>().Concat(type.GetConstructors(all)));
    }

    /// <summary>The methods that a method calls, makes delegates of or names otherwise; generic ones as they are defined.</summary>
    public static IEnumerable<MethodBase> MethodsNamedBy(MethodBase method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        Type[]? ofType = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        Type[]? ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        int position = 0;
        while (position < code.Length)
        {
            short value = code[position++];
            if (value == TwoByteCode)
            {
                value = unchecked((short)((TwoByteCode << 8) | code[position++]));
            }

            OperandType operand = s_codes[value].OperandType;
            if (operand is OperandType.InlineMethod or OperandType.InlineTok
                && method.Module.ResolveMember(BitConverter.ToInt32(code, position), ofType, ofMethod) is MethodBase named)
            {
                yield return Definition(named);
            }

            position += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, position)),
                _ => 4,
            };
        }
    }

    /// <summary>The method itself, without type arguments.</summary>
    public static MethodBase Definition(MethodBase method)
    {
        // A member of a constructed type has the token of the definition's.
        MethodBase definition = method.DeclaringType is { IsConstructedGenericType: true } ? method.Module.ResolveMethod(method.MetadataToken)! : method;
        return definition is MethodInfo { IsGenericMethod: true, IsGenericMethodDefinition: false } generic ? generic.GetGenericMethodDefinition() : definition;
    }
}
