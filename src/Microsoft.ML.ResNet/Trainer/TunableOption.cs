using System.Globalization;
using System.Reflection;
using Microsoft.ML.SearchSpace;

namespace Microsoft.ML.ResNet;

/// <summary>
/// A setting of <see cref="ResNetTrainer.Options"/> that a search for better settings may vary, as plain data. Bounds and default are those of
/// ML.NET's annotation on the property, which AutoML reads. A search of narrower bounds takes
/// <c>option with { Minimum = 0.001, Maximum = 0.3 }</c>.
/// </summary>
public sealed record TunableOption
{
    private static readonly ResNetTrainer.Options s_defaults = new();

    private readonly PropertyInfo _property;

    private TunableOption(PropertyInfo property, TunableOptionKind kind, object defaultValue)
    {
        _property = property;
        Name = property.Name;
        Kind = kind;
        Default = defaultValue;
    }

    /// <summary>The name of the property.</summary>
    public string Name { get; }

    /// <summary>What its values are.</summary>
    public TunableOptionKind Kind { get; }

    /// <summary>
    /// The value that a search begins with. Of type <see cref="int"/>, <see cref="double"/>, or an enumeration. It is the trainer's own default, except
    /// where <see cref="IsChosenByTrainer"/>: there it is a value of the middle, for SGD and batches of 32.
    /// </summary>
    public object Default { get; }

    /// <summary>
    /// Whether the option is null by default, and the trainer then chooses its value by optimiser, batch size and data: a learning rate or a weight
    /// decay. A search that wants that choice as its first trial leaves the option alone there.
    /// </summary>
    public bool IsChosenByTrainer { get; private init; }

    /// <summary>The least value; null for a choice.</summary>
    public double? Minimum { get; init; }

    /// <summary>The greatest value; null for a choice.</summary>
    public double? Maximum { get; init; }

    /// <summary>Whether steps between values are factors rather than differences, as suits learning rates.</summary>
    public bool IsLogScale { get; init; }

    /// <summary>The values of a choice, the default first; empty for numbers.</summary>
    public IReadOnlyList<object> Choices { get; init; } = [];

    /// <summary>The value at a position on the way from the least value to the greatest, or from the first choice to the last.</summary>
    /// <param name="position">0 to 1, such as <c>random.NextDouble()</c> for a random search or the points of a grid.</param>
    /// <returns>An <see cref="int"/>, a <see cref="double"/>, or one of <see cref="Choices"/>, for <see cref="Apply"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The position is below 0 or above 1.</exception>
    public object At(double position)
    {
        if (!(position is >= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(position), position, $"The position of {Name} is out of range; expected 0 to 1.");
        }

        if (Kind == TunableOptionKind.Choice)
        {
            return Choices[Math.Min((int)(position * Choices.Count), Choices.Count - 1)];
        }

        double minimum = Minimum!.Value, maximum = Maximum!.Value;
        double value = IsLogScale ? minimum * Math.Pow(maximum / minimum, position) : minimum + ((maximum - minimum) * position);
        value = Math.Clamp(value, minimum, maximum);
        return Kind == TunableOptionKind.Integer ? (object)(int)Math.Round(value) : value;
    }

    /// <summary>Sets the property.</summary>
    /// <param name="options">The settings to change.</param>
    /// <param name="value">A number, or a choice; either may be given as text, in the invariant culture.</param>
    /// <exception cref="ArgumentException">The value is out of bounds, or none of the choices; <paramref name="options"/> are as before.</exception>
    public void Apply(ResNetTrainer.Options options, object value)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(value);
        _property.SetValue(options, Kind == TunableOptionKind.Choice ? Choice(value) : Number(value));
    }

    /// <summary>Name, kind, default, and the bounds or the choices, in the invariant culture.</summary>
    /// <returns>One line of text.</returns>
    public override string ToString()
        => string.Create(
            CultureInfo.InvariantCulture,
            $"TunableOption {{ Name = {Name}, Kind = {Kind}, Default = {Default}, IsChosenByTrainer = {IsChosenByTrainer}, {(Kind == TunableOptionKind.Choice ? $"Choices = [{string.Join(", ", Choices)}]" : Scale())} }}");

    /// <summary>Describes a property by its annotation.</summary>
    /// <returns>Null where it has none.</returns>
    internal static TunableOption? Of(PropertyInfo property)
    {
        bool isChosenByTrainer = property.GetValue(s_defaults) is null;
        if (property.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            return new TunableOption(property, range.Min is int ? TunableOptionKind.Integer : TunableOptionKind.Number, range.Init)
            {
                IsChosenByTrainer = isChosenByTrainer,
                Minimum = Convert.ToDouble(range.Min, CultureInfo.InvariantCulture),
                Maximum = Convert.ToDouble(range.Max, CultureInfo.InvariantCulture),
                IsLogScale = range.LogBase,
            };
        }

        return property.GetCustomAttribute<ChoiceAttribute>() is { } choice
            ? new TunableOption(property, TunableOptionKind.Choice, choice.DefaultValue ?? choice.Candidates[0]) { Choices = Array.AsReadOnly(choice.Candidates), IsChosenByTrainer = isChosenByTrainer }
            : null;
    }

    private object Choice(object value)
        => Choices.FirstOrDefault(choice => choice.Equals(value) || (value is string text && text == choice.ToString()))
            ?? throw Fault(value, string.Join(", ", Choices));

    private object Number(object value)
    {
        double number;
        try
        {
            number = Convert.ToDouble(value, CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is FormatException or InvalidCastException or OverflowException)
        {
            throw Fault(value, Bounds());
        }

        if (!(number >= Minimum && number <= Maximum) || (Kind == TunableOptionKind.Integer && number != Math.Floor(number)))
        {
            throw Fault(value, Bounds());
        }

        return Kind == TunableOptionKind.Integer ? (object)(int)number : number;
    }

    private string Scale() => string.Create(CultureInfo.InvariantCulture, $"Minimum = {Minimum}, Maximum = {Maximum}, IsLogScale = {IsLogScale}");

    private string Bounds()
        => string.Create(CultureInfo.InvariantCulture, $"{(Kind == TunableOptionKind.Integer ? "a whole number of " : "")}{Minimum} to {Maximum}");

    private ArgumentException Fault(object value, string expected)
        => new(string.Create(CultureInfo.InvariantCulture, $"{Name} is {value}; expected {expected}."), nameof(value));
}
