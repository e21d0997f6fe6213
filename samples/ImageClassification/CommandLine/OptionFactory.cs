using System.CommandLine;
using System.Globalization;

namespace ImageClassification.CommandLine;

/// <summary>Options that check what is given to them: a wrong value is a line on standard error and exit code 2.</summary>
internal static class OptionFactory
{
    /// <summary>A path.</summary>
    public static Option<string?> Text(string name, string helpName, string description, string? byDefault = null)
    {
        var option = new Option<string?>(name) { HelpName = helpName, Description = description };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault;
        }

        option.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
            {
                result.AddError($"{name} is empty, expected a path.");
            }
        });
        return option;
    }

    /// <summary>A whole number.</summary>
    public static Option<int?> Number(string name, int minimum, int maximum, string description, int? byDefault = null)
    {
        var option = new Option<int?>(name) { HelpName = "N", Description = description };
        if (byDefault is not null)
        {
            option.DefaultValueFactory = _ => byDefault;
        }

        option.CustomParser = result =>
        {
            string text = result.Tokens.Single().Value;
            if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= minimum && value <= maximum)
            {
                return value;
            }

            result.AddError($"{name} is '{text}', expected a whole number from {minimum} to {maximum}.");
            return null;
        };
        return option;
    }

    /// <summary>One of an enumeration's names, in any case. Shell completion offers them.</summary>
    public static Option<TEnum?> Name<TEnum>(string name, string description, string byDefault)
        where TEnum : struct, Enum
    {
        string names = string.Join(", ", Enum.GetNames<TEnum>());
        var option = new Option<TEnum?>(name)
        {
            HelpName = "NAME",
            Description = $"{description}: {names}. Default: {byDefault}.",
            CustomParser = result => Parse<TEnum>(name, result.Tokens.Single().Value, result.AddError),
        };
        option.CompletionSources.Add(Enum.GetNames<TEnum>());
        return option;
    }

    /// <summary>Some of an enumeration's names, in any case. Shell completion offers them.</summary>
    public static Option<TEnum[]> Names<TEnum>(string name, string description)
        where TEnum : struct, Enum
    {
        var option = new Option<TEnum[]>(name)
        {
            HelpName = "NAME...",
            Description = $"{description}: {string.Join(", ", Enum.GetNames<TEnum>())}. Default: all.",
            AllowMultipleArgumentsPerToken = true,
            CustomParser = result => [.. result.Tokens.Select(token => Parse<TEnum>(name, token.Value, result.AddError)).OfType<TEnum>().Distinct()],
        };
        option.CompletionSources.Add(Enum.GetNames<TEnum>());
        return option;
    }

    private static TEnum? Parse<TEnum>(string name, string text, Action<string> addError)
        where TEnum : struct, Enum
    {
        foreach (TEnum value in Enum.GetValues<TEnum>())
        {
            if (text.Equals(value.ToString(), StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        addError($"{name} is '{text}', expected one of {string.Join(", ", Enum.GetNames<TEnum>())}.");
        return null;
    }
}
