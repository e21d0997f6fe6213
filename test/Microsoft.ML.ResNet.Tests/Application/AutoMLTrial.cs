using System.Collections;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet.Tests.Application;

/// <summary>
/// What AutoML 5 does with a trainer's options, without its package: annotated properties are the search space; the first trial has the
/// annotations' own defaults; a trial's options are what JSON keeps of the given ones, overwritten by what was drawn.
/// </summary>
internal static class AutoMLTrial
{
    private static readonly JsonSerializerOptions Format = new()
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>The values of the first trial, by property.</summary>
    public static Dictionary<string, object> FirstValues<TOptions>()
    {
        Dictionary<string, object> values = [];
        foreach (PropertyInfo property in typeof(TOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetCustomAttribute<RangeAttribute>() is { } range)
            {
                values.Add(property.Name, range.Init ?? range.Min);
            }
            else if (property.GetCustomAttribute<ChoiceAttribute>() is { } choice)
            {
                // Without a default of its own, AutoML takes the least of the choices.
                values.Add(property.Name, choice.DefaultValue ?? choice.Candidates.Order().First());
            }
        }

        return values;
    }

    /// <summary>The options of a trial.</summary>
    /// <param name="given">What the search space was made with.</param>
    /// <param name="drawn">What the tuner chose.</param>
    public static TOptions Bind<TOptions>(TOptions given, IReadOnlyDictionary<string, object> drawn)
        where TOptions : class
    {
        JsonObject json = Properties(given, typeof(TOptions));
        foreach (var (name, value) in drawn)
        {
            json[name] = JsonSerializer.SerializeToNode(value, Format);
        }

        return json.Deserialize<TOptions>(Format)!;
    }

    /// <summary>Of an object AutoML keeps the properties that can be written: numbers, texts, enumerations, lists, and objects made of them.</summary>
    private static JsonObject Properties(object value, Type type)
    {
        JsonObject json = [];
        foreach (PropertyInfo property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property is { CanRead: true, CanWrite: true }))
        {
            object? member = property.GetValue(value);
            if (member is int or long or double or float or string or bool or IEnumerable or Enum)
            {
                json[property.Name] = JsonSerializer.SerializeToNode(member, Format);
            }
            else if (member is not null && Properties(member, property.PropertyType) is { Count: > 0 } parts)
            {
                json[property.Name] = parts;
            }
        }

        return json;
    }
}
