using System.Text.Json.Serialization;
using ImageScoringApi;
using ImageScoringApi.Requests;
using ImageScoringApi.Scoring;
using Microsoft.Extensions.Options;
using Prometheus;

// Scoring and the loading of a model keep threads of the pool busy: there have to be some for the requests beside them, and the pool adds more too slowly.
ThreadPool.GetMinThreads(out int workers, out int completions);
ThreadPool.SetMinThreads(workers + Environment.ProcessorCount + 2, completions);

// Settings and pages are beside the program; paths on the command line are relative to the folder that it is started in.
WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
string? given = builder.Configuration["Model"];
var modelPath = new ModelPath(Path.GetFullPath(given ?? "model.zip"));

builder.Services.AddOptions<ServingOptions>().BindConfiguration(ServingOptions.Section).ValidateDataAnnotations().ValidateOnStart();
builder.Services.AddSingleton(modelPath);
builder.Services.AddSingleton<ServingMetrics>();
builder.Services.AddSingleton<ServedModel>();
builder.Services.AddHostedService(services => services.GetRequiredService<ServedModel>());
builder.Services.AddSingleton<ImageReceiver>();
builder.Services.AddSingleton<IImageScorer>(services => services.GetRequiredService<IOptions<ServingOptions>>().Value.Mode == ScoringMode.Batched
    ? ActivatorUtilities.CreateInstance<BatchingScorer>(services)
    : ActivatorUtilities.CreateInstance<PooledScorer>(services));
builder.Services.AddOpenApi();
builder.Services.AddProblemDetails(options => options.CustomizeProblemDetails = context => context.ProblemDetails.Detail ??= context.ProblemDetails.Status switch
{
    // What routing and the server refuse before the application sees it.
    StatusCodes.Status415UnsupportedMediaType => ImageReceiver.UnsupportedContentType(context.HttpContext.Request.ContentType),
    StatusCodes.Status413PayloadTooLarge => "The request is larger than this server takes.",
    _ => null,
});
builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.Converters.Add(new JsonStringEnumConverter(allowIntegerValues: false)));
builder.WebHost.ConfigureKestrel((context, kestrel) =>
{
    kestrel.AddServerHeader = false;
    kestrel.Limits.MaxRequestBodySize = (context.Configuration.GetSection(ServingOptions.Section).Get<ServingOptions>() ?? new ServingOptions()).MaxBodyBytes;
});

WebApplication app = builder.Build();
try
{
    if (!File.Exists(modelPath.FullPath))
    {
        if (given is not null)
        {
            throw new FileNotFoundException($"The model '{given}' doesn't exist.");
        }

        FirstModel.Train(modelPath.FullPath, app.Logger);
    }

    // Loads the model: an error ends the program before it listens.
    ServedModel model = app.Services.GetRequiredService<ServedModel>();
    using ServedModel.Lease lease = model.Acquire();
    app.Logger.LogInformation("Serving '{Path}', a model of {Count} classes.", modelPath.FullPath, lease.Model.ClassNames.Count);
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or FormatException or ArgumentException or UnauthorizedAccessException or OptionsValidationException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

// A body beyond the server's limit comes as an exception that knows its status.
app.UseExceptionHandler(new ExceptionHandlerOptions
{
    StatusCodeSelector = exception => exception is BadHttpRequestException bad ? bad.StatusCode : StatusCodes.Status500InternalServerError,
});
app.UseStatusCodePages();
app.Use((context, next) =>
{
    context.Response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
    context.Response.Headers.XContentTypeOptions = "nosniff";
    return next();
});
app.UseDefaultFiles();
app.UseStaticFiles();
app.UseRouting();
app.UseHttpMetrics();
PredictionEndpoint.Map(app);
ExplanationEndpoint.Map(app);
app.MapGet("/health", (ServedModel model, ModelPath path, IOptions<ServingOptions> options) =>
{
    using ServedModel.Lease lease = model.Acquire();
    return new HealthResponse
    {
        Status = "healthy",
        Model = path.Name,
        LoadedAt = model.LoadedAt,
        Mode = options.Value.Mode,
        Classes = lease.Model.ClassNames,
        Explains = lease.Model.CanExplain,
        MaxFiles = options.Value.MaxFiles,
        MaxFileBytes = options.Value.MaxFileBytes,
    };
}).WithSummary("Says whether the application is well, and what it serves.");
app.MapMetrics();
app.MapOpenApi();
app.Run();
return 0;
