using System.Text.Json.Serialization;
using ImageScoringApi.Requests;
using ImageScoringApi.Scoring;
using Microsoft.Extensions.Options;
using Prometheus;

namespace ImageScoringApi;

/// <summary>The application: its settings, its services, and what a request goes through.</summary>
internal static class ScoringApplication
{
    /// <exception cref="Exception">A setting is wrong, or the model can't be loaded.</exception>
    public static WebApplication Create(string[] args)
    {
        // Settings and pages are beside the program; paths on the command line are relative to the folder that it is started in.
        WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        ServingOptions options = ServingOptions.Of(builder.Configuration);
        ModelPath path = ModelPath.Of(builder.Configuration);
        AddServices(builder.Services, options, path);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBodyBytes;
        });

        WebApplication app = builder.Build();
        if (!path.IsGiven && !File.Exists(path.FullPath))
        {
            FirstModel.Train(path.FullPath, app.Logger);
        }

        // Loads the model: an error ends the program before it listens.
        using (ServedModel.Lease lease = app.Services.GetRequiredService<ServedModel>().Acquire())
        {
            app.Logger.LogInformation("Serving '{Path}', a model of {Count} classes.", path.FullPath, lease.Model.ClassNames.Count);
        }

        MapRequests(app);
        return app;
    }

    private static void AddServices(IServiceCollection services, ServingOptions options, ModelPath path)
    {
        services.AddSingleton(Options.Create(options));
        services.AddSingleton(path);
        services.AddSingleton<ServingMetrics>();
        services.AddSingleton<ServedModel>();
        services.AddHostedService(provider => provider.GetRequiredService<ServedModel>());
        services.AddSingleton<ImageReceiver>();
        services.AddSingleton<IImageScorer>(provider => options.Mode == ScoringMode.Batched
            ? ActivatorUtilities.CreateInstance<BatchingScorer>(provider)
            : ActivatorUtilities.CreateInstance<PooledScorer>(provider));
        services.AddOpenApi();
        services.AddProblemDetails(details => details.CustomizeProblemDetails = context => context.ProblemDetails.Detail ??= context.ProblemDetails.Status switch
        {
            // What routing refuses before the application sees it.
            StatusCodes.Status415UnsupportedMediaType => ImageReceiver.UnsupportedContentType(context.HttpContext.Request.ContentType),
            _ => null,
        });
        services.ConfigureHttpJsonOptions(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter(allowIntegerValues: false)));
    }

    private static void MapRequests(WebApplication app)
    {
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

        // Inside of the metrics, which count the status that it gives.
        app.UseExceptionHandler();
        app.UseStatusCodePages();
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
    }
}
