using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace ImageScoringApi;

/// <summary>The section <c>Serving</c> of appsettings.json.</summary>
internal sealed class ServingOptions
{
    public const string Section = "Serving";

    /// <summary>How images are scored.</summary>
    public ScoringMode Mode { get; set; } = ScoringMode.Batched;

    /// <summary>The model's column that takes the image. Null: the one that its scores are computed from.</summary>
    public string? ImageColumn { get; set; }

    /// <summary>The most images that are scored together.</summary>
    [Range(1, 1024)]
    public int MaxBatchSize { get; set; } = 16;

    /// <summary>How long a batch waits for the images of requests that are still being received. It never waits where there are none.</summary>
    [Range(0.0, 1000.0)]
    public double MaxWaitMilliseconds { get; set; } = 5;

    /// <summary>The images that may wait, at least those of one request. A request that finds the queue full is told to come back later (503).</summary>
    [Range(1, 1_000_000)]
    public int QueueLength { get; set; } = 256;

    /// <summary>The most images in a request.</summary>
    [Range(1, 1000)]
    public int MaxFiles { get; set; } = 16;

    /// <summary>The size of the largest image file, in bytes.</summary>
    [Range(1, 1 << 30)]
    public int MaxFileBytes { get; set; } = 10 << 20;

    /// <summary>The most pixels of an image. Files say it in their first bytes; one of some kilobytes may take a gigabyte when it is decoded.</summary>
    [Range(1, 1_000_000_000)]
    public int MaxPixels { get; set; } = 50_000_000;

    /// <summary>How often the model file is looked at.</summary>
    [Range(10, 3_600_000)]
    public int ModelCheckMilliseconds { get; set; } = 1000;

    /// <summary>The largest body of a request: base64 takes four bytes for three, and each file has some lines around it.</summary>
    public long MaxBodyBytes => ((MaxFileBytes * 4L / 3) + 4096) * MaxFiles;

    /// <summary>Reads the section.</summary>
    /// <exception cref="InvalidOperationException">Settings are wrong: all of them are named.</exception>
    public static ServingOptions Of(IConfiguration configuration)
    {
        IConfigurationSection section = configuration.GetSection(Section);
        string[] faults = [.. typeof(ServingOptions).GetProperties().Where(property => property.CanWrite).Select(property => FaultOf(property, section[property.Name])).OfType<string>()];
        if (faults.Length > 0)
        {
            throw new InvalidOperationException(string.Join(Environment.NewLine, faults));
        }

        ServingOptions options = section.Get<ServingOptions>() ?? new ServingOptions();
        return options.QueueLength >= options.MaxFiles
            ? options
            : throw new InvalidOperationException(
                $"{Section}:{nameof(QueueLength)} is {options.QueueLength} and {Section}:{nameof(MaxFiles)} is {options.MaxFiles}, expected a queue that takes the images of a request: raise the one or lower the other.");
    }

    private static string? FaultOf(PropertyInfo property, string? value)
    {
        Type type = property.PropertyType;
        RangeAttribute? range = property.GetCustomAttribute<RangeAttribute>();
        string? expected = value switch
        {
            null => null,
            _ when type.IsEnum => Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase) ? null : string.Join(" or ", Enum.GetNames(type)),
            _ when range is not null => TypeDescriptor.GetConverter(type) is var converter && converter.IsValid(value) && range.IsValid(converter.ConvertFromInvariantString(value))
                ? null
                : $"{(type == typeof(double) ? "a number" : "a whole number")} from {range.Minimum:N0} to {range.Maximum:N0}",
            _ => null,
        };
        return expected is null ? null : $"{Section}:{property.Name} is '{value}', expected {expected}.";
    }
}
