using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>What the web application says of requests that are wrong, too large or broken off, and of how a request has to be.</summary>
[TestClass]
public sealed partial class ImageScoringRequestsTests
{
    private const string FormType = "multipart/form-data; boundary=x", FormStart = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\nabc";
    private static readonly TemporaryFolder Folder = new();
    private static ScoringServer s_server = null!;

    private static string Red => Path.Combine(Folder.File("images"), ColourFolder.Red, "05.png");

    [ClassInitialize]
    public static async Task Start(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Folder.File("model.zip"));
        s_server = await ScoringServer.StartAsync(Folder.File("model.zip"), "--Serving:MaxPixels", "10000", "--Serving:MaxFiles", "80");
    }

    [ClassCleanup]
    public static void Stop()
    {
        s_server?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    [DataRow("abc")]
    [DataRow("1.5")]
    [DataRow("-1")]
    [DataRow("")]
    public async Task Predict_TopThatIsNoNumber_SaysWhatIsExpected(string top)
        => await AssertRefusedAsync(HttpStatusCode.BadRequest, $"top is '{top}', expected a whole number: 0 (all classes) or more.", Content("image/png", await File.ReadAllBytesAsync(Red)), $"predict?top={top}");

    [TestMethod]
    [DataRow(FormType, FormStart, HttpStatusCode.BadRequest, "The form can't be read: it ends before its last boundary.")]
    [DataRow("application/json; charset=none", "{}", HttpStatusCode.UnsupportedMediaType, "The JSON can't be read: ")]
    public async Task Predict_BodyThatIsNoneOfItsType_IsRefused(string type, string body, HttpStatusCode status, string reason) => await AssertRefusedAsync(status, reason, Content(type, Encoding.ASCII.GetBytes(body)));

    /// <summary>The size is in the file's first bytes: nothing is decoded.</summary>
    [TestMethod]
    [DataRow("predict")]
    [DataRow("explain")]
    public async Task Requests_TooManyPixels_AreRefused(string address)
    {
        byte[] large = PngWriter.Write(101, 100, PngWriter.Grey, 1, (_, _) => [0]), allowed = PngWriter.Write(100, 100, PngWriter.Grey, 1, (_, _) => [0]);

        await AssertRefusedAsync(HttpStatusCode.RequestEntityTooLarge, "Image 1 has 101 x 100 pixels, more than 10,000, the limit of this server.", Content("image/png", large), address);
        using HttpResponseMessage response = await s_server.Client.PostAsync(address, Content("image/png", allowed));
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode);
    }

    [TestMethod]
    public async Task Predict_AsManyFilesAsAreAllowed_AreScored()
    {
        using var form = new MultipartFormDataContent();
        for (int i = 0; i < 80; i++)
        {
            form.Add(new ByteArrayContent(await File.ReadAllBytesAsync(Red)), "file", $"{i}.png");
        }

        using HttpResponseMessage response = await s_server.Client.PostAsync("predict", form);

        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>What a client does is no fault of the server: no error in the log, and its status in the metrics.</summary>
    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Requests_BrokenOff_AreNoErrors()
    {
        using ScoringServer server = await ScoringServer.StartAsync(Folder.File("model.zip"));
        (string Type, string Body)[] bodies = [("image/png", "abc"), (FormType, FormStart), ("application/json", "{\"images\": [")];
        foreach (string address in (string[])["predict", "explain"])
        {
            foreach (var (type, body) in bodies)
            {
                await BreakOffAsync(server, address, type, body, reset: true);
                await BreakOffAsync(server, address, type, body, reset: false);
            }
        }

        await UntilAsync(async () => await CountAsync(server, "4..") == 12);
        Assert.AreEqual(0, await CountAsync(server, "200"));
        Assert.IsGreaterThan(0, await CountAsync(server, "499"));
        Assert.DoesNotContain("fail:", server.Output);
        Assert.DoesNotContain("   at ", server.Output);
    }

    [TestMethod]
    public async Task OpenApi_BodiesOfFiles_AreBinary()
    {
        JsonElement paths = (await s_server.Client.GetFromJsonAsync<JsonElement>("openapi/v1.json")).GetProperty("paths");

        foreach (string address in (string[])["/predict", "/explain"])
        {
            JsonElement bodies = paths.GetProperty(address).GetProperty("post").GetProperty("requestBody").GetProperty("content");
            Assert.AreEqual("binary", Schema(bodies, "image/*").GetProperty("format").GetString());
            JsonElement file = Schema(bodies, "multipart/form-data").GetProperty("properties").GetProperty("file");
            Assert.AreEqual("binary", (address == "/predict" ? file.GetProperty("items") : file).GetProperty("format").GetString());
            StringAssert.EndsWith(Schema(bodies, "application/json").GetProperty("$ref").GetString(), "PredictionRequest");
        }

        JsonElement top = paths.GetProperty("/predict").GetProperty("post").GetProperty("parameters").EnumerateArray().Single().GetProperty("schema");
        Assert.AreEqual("integer", top.GetProperty("type").GetString());
        Assert.AreEqual(3, top.GetProperty("default").GetInt32());
        Assert.AreEqual("binary", Schema(paths.GetProperty("/explain").GetProperty("post").GetProperty("responses").GetProperty("200").GetProperty("content"), "image/png").GetProperty("format").GetString());
    }

    [GeneratedRegex("""^http_requests_received_total\{code="(\d+)",.*\} (\d+)""", RegexOptions.Multiline)]
    private static partial Regex Received();

    private static JsonElement Schema(JsonElement bodies, string type) => bodies.GetProperty(type).GetProperty("schema");

    private static async Task AssertRefusedAsync(HttpStatusCode status, string reason, HttpContent content, string address = "predict")
    {
        using HttpResponseMessage response = await s_server.Client.PostAsync(address, content);
        string text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(status, response.StatusCode, text);
        StringAssert.StartsWith(JsonDocument.Parse(text).RootElement.GetProperty("detail").GetString(), reason);
    }

    private static ByteArrayContent Content(string type, byte[] content)
    {
        var body = new ByteArrayContent(content);
        body.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return body;
    }

    /// <summary>Sends less than it says, and resets the connection or ends what it sends.</summary>
    private static async Task BreakOffAsync(ScoringServer server, string address, string type, string body, bool reset)
    {
        using var client = new TcpClient(server.Client.BaseAddress!.Host, server.Client.BaseAddress.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /{address} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\nContent-Length: 1000\r\n\r\n{body}"));
        await UntilAsync(async () => InProgress().IsMatch(await server.Client.GetStringAsync("metrics")));
        if (reset)
        {
            client.LingerState = new LingerOption(true, 0);
            client.Client.Close(0);
        }
        else
        {
            client.Client.Shutdown(SocketShutdown.Send);
        }

        await UntilAsync(async () => !InProgress().IsMatch(await server.Client.GetStringAsync("metrics")));
    }

    [GeneratedRegex("""^http_requests_in_progress\{method="POST".*\} [1-9]""", RegexOptions.Multiline)]
    private static partial Regex InProgress();

    private static async Task<int> CountAsync(ScoringServer server, string status)
        => Received().Matches(await server.Client.GetStringAsync("metrics"))
            .Where(match => match.Value.Contains("POST", StringComparison.Ordinal) && Regex.IsMatch(match.Groups[1].Value, $"^{status}$"))
            .Sum(match => int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
