using System.Net.Sockets;
using ImageScoringApi;

// Scoring and the loading of a model keep threads of the pool busy: there have to be some for the requests beside them, and the pool adds more too slowly.
ThreadPool.GetMinThreads(out int workers, out int completions);
ThreadPool.SetMinThreads(workers + Environment.ProcessorCount + 2, completions);

WebApplication app;
try
{
    app = ScoringApplication.Create(args);
    await app.StartAsync();
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or FormatException or ArgumentException or UnauthorizedAccessException or InvalidDataException or SocketException)
{
    Console.Error.WriteLine(exception.Message);
    return 1;
}

await using (app)
{
    await app.WaitForShutdownAsync();
}

return 0;
