using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The web application as its clients see it, in a process of its own.</summary>
[TestClass]
public sealed partial class ImageScoringApiTests
{
    private static readonly TemporaryFolder Folder = new();
    private static ScoringServer s_server = null!;

    private static string Red => Path.Combine(Folder.File("images"), ColourFolder.Red, "05.png");

    private static string Blue => Path.Combine(Folder.File("images"), ColourFolder.Blue, "05.png");

    private static string Model => Folder.File("model.zip");

    [ClassInitialize]
    public static async Task Start(TestContext context)
    {
        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Model);
        s_server = await ScoringServer.StartAsync(Model, "--Serving:MaxFileBytes", "100000", "--Serving:MaxFiles", "4");
    }

    [ClassCleanup]
    public static void Stop()
    {
        s_server?.Dispose();
        Folder.Dispose();
    }

    [TestMethod]
    [DataRow("Batched")]
    [DataRow("Pooled")]
    public async Task Predict_FormJsonAndBody_AgreeWithTheModel(string mode)
    {
        using ScoringServer server = await ScoringServer.StartAsync(Model, "--Serving:Mode", mode);
        var context = new MLContext(1);
        ITransformer model = context.Model.Load(Model, out _);
        using var engine = context.Model.CreatePredictionEngine<LabeledRow, ScoredRow>(model);
        float[] expected = engine.Predict(new LabeledRow { ImagePath = Blue }).Score;

        JsonElement form = await ReadAsync(await server.Client.PostAsync("predict?top=0", Form(Blue)));
        JsonElement json = await ReadAsync(await server.Client.PostAsJsonAsync("predict?top=0", new { images = new[] { new { name = "05.png", content = File.ReadAllBytes(Blue) } } }));
        JsonElement body = await ReadAsync(await server.Client.PostAsync("predict?top=0", Body(File.ReadAllBytes(Blue))));

        foreach (JsonElement answer in (JsonElement[])[form, json, body])
        {
            JsonElement image = answer.GetProperty("images")[0];
            Assert.AreEqual(ColourFolder.Blue, image.GetProperty("predictedLabel").GetString());
            var classes = image.GetProperty("classes").EnumerateArray().ToDictionary(item => item.GetProperty("name").GetString()!, item => item.GetProperty("probability").GetSingle());
            Assert.AreEqual(expected[0], classes[ColourFolder.Red], 1e-5f);
            Assert.AreEqual(expected[1], classes[ColourFolder.Blue], 1e-5f);
            Assert.IsGreaterThan(0, answer.GetProperty("milliseconds").GetDouble());
        }

        Assert.AreEqual("05.png", form.GetProperty("images")[0].GetProperty("name").GetString());
    }

    /// <summary>A pipeline that begins with ML.NET's own transforms. ML.NET saves no MLImage column of an input, so that a setting names it.</summary>
    /// <summary>A model as the trainer makes it, and one with a column of pictures of what speaks for the class; its predictions are those of the model without it.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Explain_ModelOfImages_GivesAPicture(bool hasColumn)
    {
        string path = Folder.File($"explaining-{hasColumn}.zip");
        ColourModel.Save(Folder.File("images"), path, hasColumn);
        using ScoringServer server = await ScoringServer.StartAsync(path);

        HttpResponseMessage picture = await server.Client.PostAsync("explain", Form(Red));
        Assert.AreEqual(HttpStatusCode.OK, picture.StatusCode);
        Assert.AreEqual("image/png", picture.Content.Headers.ContentType?.MediaType);
        using SkiaSharp.SKBitmap? bitmap = SkiaSharp.SKBitmap.Decode(await picture.Content.ReadAsByteArrayAsync());
        Assert.AreEqual(224, bitmap?.Width);
        Assert.IsTrue((await ReadAsync(await server.Client.GetAsync("health"))).GetProperty("explains").GetBoolean());
        Assert.AreEqual(ColourFolder.Red, (await ReadAsync(await server.Client.PostAsync("predict", Form(Red)))).GetProperty("images")[0].GetProperty("predictedLabel").GetString());

        Assert.AreEqual(HttpStatusCode.BadRequest, (await server.Client.PostAsync("explain", Form(Red, Blue))).StatusCode);
        byte[] cut = File.ReadAllBytes(Red)[..60];
        Assert.AreEqual(HttpStatusCode.UnprocessableEntity, (await server.Client.PostAsync("explain", Body(cut))).StatusCode);
    }

    [TestMethod]
    public async Task Predict_ModelOfMLImage_TakesTheColumnOfTheSetting()
    {
        string path = Folder.File("mlimage.zip");
        var context = new MLContext(1);
        IDataView images = context.Transforms.LoadImages("Picture", null, "ImagePath").Fit(context.Data.LoadImageFolder(Folder.File("images"))).Transform(context.Data.LoadImageFolder(Folder.File("images")));
        using var model = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.Transforms.ResizeImages("Small", 16, 16, "Picture"))
            .Append(context.Transforms.ExtractPixels("Pixels", "Small"))
            .Append(context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options { FeatureColumnName = "Pixels", Architecture = ResNetArchitecture.ResNet20, Epochs = 6, BatchSize = 8 }))
            .Fit(images);
        context.Model.Save(model, context.Data.LoadImageFolder(Folder.File("images")).Schema, path);
        using ScoringServer server = await ScoringServer.StartAsync(path, "--Serving:ImageColumn", "Picture");

        JsonElement answer = await ReadAsync(await server.Client.PostAsync("predict", Form(Red, Blue)));

        CollectionAssert.AreEqual(
            new[] { ColourFolder.Red, ColourFolder.Blue }, answer.GetProperty("images").EnumerateArray().Select(image => image.GetProperty("predictedLabel").GetString()).ToArray());
        using HttpResponseMessage damaged = await server.Client.PostAsync("predict", Body(File.ReadAllBytes(Red)[..20]));
        Assert.AreEqual(HttpStatusCode.UnprocessableEntity, damaged.StatusCode, await damaged.Content.ReadAsStringAsync());

        // Its network sees pixels, not images.
        using HttpResponseMessage picture = await server.Client.PostAsync("explain", Form(Red));
        Assert.AreEqual(HttpStatusCode.NotFound, picture.StatusCode);
        StringAssert.Contains(await picture.Content.ReadAsStringAsync(), "has no residual network that was trained on images");
        Assert.IsFalse((await ReadAsync(await server.Client.GetAsync("health"))).GetProperty("explains").GetBoolean());
    }

    [TestMethod]
    public async Task Predict_SeveralFiles_AnswersInTheirOrder()
    {
        JsonElement answer = await ReadAsync(await s_server.Client.PostAsync("predict?top=1", Form(Red, Blue, Blue, Red)));

        CollectionAssert.AreEqual(
            new[] { ColourFolder.Red, ColourFolder.Blue, ColourFolder.Blue, ColourFolder.Red },
            answer.GetProperty("images").EnumerateArray().Select(image => image.GetProperty("predictedLabel").GetString()).ToArray());
        Assert.AreEqual(1, answer.GetProperty("images")[0].GetProperty("classes").GetArrayLength());
    }

    [TestMethod]
    public async Task Predict_WhatIsNoImage_IsRefusedWithTheReason()
    {
        byte[] image = File.ReadAllBytes(Red), damaged = image[..(image.Length / 2)];
        (HttpContent Content, HttpStatusCode Status, string Reason)[] cases =
        [
            (Form(("notes.txt", "This is no image."u8.ToArray())), HttpStatusCode.UnprocessableEntity, "'notes.txt' is no image, expected JPEG, PNG, WebP, GIF or BMP."),
            (Form(("half.png", damaged)), HttpStatusCode.UnprocessableEntity, "'half.png' can't be read: it is damaged"),
            (Form(("good.png", image), ("half.png", damaged)), HttpStatusCode.UnprocessableEntity, "'half.png' can't be read"),
            (Form(("empty.png", [])), HttpStatusCode.UnprocessableEntity, "'empty.png' is no image"),
            (Form(("large.png", new byte[100_001])), HttpStatusCode.RequestEntityTooLarge, "'large.png' has more than 100,000 bytes"),
            (Body(new byte[100_001]), HttpStatusCode.RequestEntityTooLarge, "The image has more than 100,000 bytes"),
            (Form(Red, Red, Red, Red, Red), HttpStatusCode.BadRequest, "The request has 5 images, expected 1 to 4."),
            (new MultipartFormDataContent { { new StringContent("x"), "field" } }, HttpStatusCode.BadRequest, "The request has 0 images, expected 1 to 4."),
            (new StringContent("{\"images\": [{\"content\": \"%%%%\"}]}", Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest, "The JSON can't be read"),
            (new StringContent("{\"images\": [{\"name\": \"a\"}]}", Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest, "Image 1 has no 'content'"),
            (new StringContent("null", Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest, "The request has 0 images"),
            (new StringContent("{\"images\": null}", Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest, "The request has 0 images"),
            (new StringContent("{\"images\": [null]}", Encoding.UTF8, "application/json"), HttpStatusCode.BadRequest, "Image 1 has no 'content'"),
            (new StringContent("x", Encoding.UTF8, "text/plain"), HttpStatusCode.UnsupportedMediaType, "The content type is 'text/plain; charset=utf-8', expected multipart/form-data"),
            (new ByteArrayContent([1]), HttpStatusCode.UnsupportedMediaType, "The content type is missing"),
            (Body(new byte[2_000_000]), HttpStatusCode.RequestEntityTooLarge, ""),
        ];
        foreach (var (content, status, reason) in cases)
        {
            // The server closes the connection of a body that is too large: the client asks before it sends one.
            using var request = new HttpRequestMessage(HttpMethod.Post, "predict") { Content = content };
            request.Headers.ExpectContinue = true;
            using HttpResponseMessage response = await s_server.Client.SendAsync(request);
            string text = await response.Content.ReadAsStringAsync();

            Assert.AreEqual(status, response.StatusCode, $"{reason} {text}");
            Assert.AreEqual("application/problem+json", response.Content.Headers.ContentType?.MediaType, text);
            string? detail = JsonDocument.Parse(text).RootElement.TryGetProperty("detail", out JsonElement element) ? element.GetString() : "";
            StringAssert.StartsWith(detail, reason);
        }

        using HttpResponseMessage top = await s_server.Client.PostAsync("predict?top=-1", Form(Red));
        Assert.AreEqual(HttpStatusCode.BadRequest, top.StatusCode);
        JsonElement after = await ReadAsync(await s_server.Client.PostAsync("predict", Form(Red)));
        Assert.AreEqual(ColourFolder.Red, after.GetProperty("images")[0].GetProperty("predictedLabel").GetString());
    }

    /// <summary>Damaged images that get into a batch spoil none of those beside them.</summary>
    [TestMethod]
    public async Task Predict_DamagedImagesAmongOthers_SpoilNone()
    {
        byte[] image = File.ReadAllBytes(Blue), damaged = image[..(image.Length / 2)];

        HttpStatusCode[] statuses = await Task.WhenAll(Enumerable.Range(0, 96).Select(async i =>
        {
            using HttpResponseMessage response = await s_server.Client.PostAsync("predict", Body(i % 5 == 3 ? damaged : image));
            return response.StatusCode;
        }));

        for (int i = 0; i < statuses.Length; i++)
        {
            Assert.AreEqual(i % 5 == 3 ? HttpStatusCode.UnprocessableEntity : HttpStatusCode.OK, statuses[i], $"Request {i}.");
        }
    }

    [TestMethod]
    public async Task Predict_QueueFull_SaysWhenToComeBack()
    {
        using ScoringServer server = await ScoringServer.StartAsync(Model, "--Serving:QueueLength", "16", "--Serving:MaxBatchSize", "1");
        await ReadAsync(await server.Client.PostAsync("predict", Form(Red)));

        HttpResponseMessage[] responses = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => server.Client.PostAsync("predict", Form([.. Enumerable.Repeat(Red, 16)]))));

        HttpResponseMessage response = responses.First(response => response.StatusCode != HttpStatusCode.OK);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.AreEqual(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        StringAssert.Contains(await response.Content.ReadAsStringAsync(), "Too many images are waiting.");
        JsonElement after = await ReadAsync(await server.Client.PostAsync("predict", Form(Red)));
        Assert.AreEqual(ColourFolder.Red, after.GetProperty("images")[0].GetProperty("predictedLabel").GetString());
    }

    /// <summary>A new model takes the old one's place under load without one failed request, and a file that is no model changes nothing.</summary>
    [TestMethod]
    public async Task Model_FileChanges_IsServedWithoutAFailedRequest()
    {
        string served = Folder.File("served.zip"), other = Folder.File("other.zip"), otherImages = Folder.File("other-images");
        File.Copy(Model, served);
        ColourFolder.Create(otherImages, ColourFolder.Red, "violet");
        ColourModel.Save(otherImages, other);
        using ScoringServer server = await ScoringServer.StartAsync(served, "--Serving:ModelCheckMilliseconds", "50");
        using var done = new CancellationTokenSource();
        byte[] image = File.ReadAllBytes(Blue);
        Task<(int Count, int Failed, HashSet<string> Labels)>[] clients = [.. Enumerable.Range(0, 6).Select(async _ =>
        {
            int count = 0, failed = 0;
            HashSet<string> labels = [];
            while (!done.IsCancellationRequested)
            {
                using HttpResponseMessage response = await server.Client.PostAsync("predict", Body(image));
                count++;
                if (response.IsSuccessStatusCode)
                {
                    labels.Add((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("images")[0].GetProperty("predictedLabel").GetString()!);
                }
                else
                {
                    failed++;
                }
            }

            return (count, failed, labels);
        })];

        await File.WriteAllTextAsync(served, "no model");
        await UntilAsync(() => Task.FromResult(server.Output.Contains("the former model stays", StringComparison.Ordinal)));
        CollectionAssert.Contains(await ClassesAsync(server), ColourFolder.Blue);
        for (int i = 0; i < 4; i++)
        {
            string next = i % 2 == 0 ? other : Model, expected = i % 2 == 0 ? "violet" : ColourFolder.Blue;
            File.Copy(next, served + ".new");
            File.SetLastWriteTimeUtc(served + ".new", DateTime.UtcNow);
            File.Move(served + ".new", served, overwrite: true);
            await UntilAsync(async () => (await ClassesAsync(server)).Contains(expected));
        }

        await done.CancelAsync();
        foreach (var (count, failed, labels) in await Task.WhenAll(clients))
        {
            Assert.IsGreaterThan(0, count);
            Assert.AreEqual(0, failed);
            CollectionAssert.IsSubsetOf(labels.ToArray(), new[] { ColourFolder.Blue, "violet" });
        }
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public async Task Stop_RequestUnderWay_IsAnswered()
    {
        using ScoringServer server = await ScoringServer.StartAsync(Model);
        byte[] image = File.ReadAllBytes(Red);
        var body = new PausedContent(image);
        Task<HttpResponseMessage> sending = server.Client.PostAsync("predict", body);
        await body.Half;
        await UntilAsync(async () => RequestInProgress().IsMatch(await server.Client.GetStringAsync("metrics")));

        server.Terminate();
        await UntilAsync(() => Task.FromResult(server.Output.Contains("Application is shutting down", StringComparison.Ordinal)));
        body.GoOn();

        using HttpResponseMessage response = await sending;
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, await response.Content.ReadAsStringAsync());
        Assert.AreEqual(0, await server.ExitAsync(), server.Output);
    }

    [TestMethod]
    public async Task Pages_OfTheApplication_AreThere()
    {
        await ReadAsync(await s_server.Client.PostAsync("predict", Form(Red)));

        JsonElement health = await s_server.Client.GetFromJsonAsync<JsonElement>("health");
        JsonElement openApi = await s_server.Client.GetFromJsonAsync<JsonElement>("openapi/v1.json");
        string metrics = await s_server.Client.GetStringAsync("metrics"), page = await s_server.Client.GetStringAsync("");

        Assert.AreEqual("healthy", health.GetProperty("status").GetString());
        Assert.AreEqual("model.zip", health.GetProperty("model").GetString());
        JsonElement post = openApi.GetProperty("paths").GetProperty("/predict").GetProperty("post");
        CollectionAssert.IsSubsetOf(new[] { "application/json", "multipart/form-data", "image/*" }, post.GetProperty("requestBody").GetProperty("content").EnumerateObject().Select(item => item.Name).ToArray());
        CollectionAssert.IsSubsetOf(new[] { "200", "400", "413", "415", "422", "503" }, post.GetProperty("responses").EnumerateObject().Select(item => item.Name).ToArray());
        StringAssert.Contains(metrics, "image_scoring_images_total");
        StringAssert.Contains(metrics, "http_request_duration_seconds_bucket");
        Assert.DoesNotContain("http://", page.Replace("http://www.w3.org", "", StringComparison.Ordinal));
        Assert.DoesNotContain("https://", page);
    }

    [GeneratedRegex("""^http_requests_in_progress\{.*"/predict".*\} 1""", RegexOptions.Multiline)]
    private static partial Regex RequestInProgress();

    private static async Task<string[]> ClassesAsync(ScoringServer server)
        => [.. (await server.Client.GetFromJsonAsync<JsonElement>("health")).GetProperty("classes").EnumerateArray().Select(name => name.GetString()!)];

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await condition())
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    private static MultipartFormDataContent Form(params string[] files) => Form([.. files.Select(file => (Path.GetFileName(file), File.ReadAllBytes(file)))]);

    private static MultipartFormDataContent Form(params (string Name, byte[] Content)[] files)
    {
        var form = new MultipartFormDataContent();
        foreach (var (name, content) in files)
        {
            form.Add(new ByteArrayContent(content), "files", name);
        }

        return form;
    }

    private static ByteArrayContent Body(byte[] content)
    {
        var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        return body;
    }

    private sealed class LabeledRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";
    }

    private sealed class ScoredRow
    {
        public float[] Score { get; set; } = [];
    }

    /// <summary>A body that stops in its middle until it is told to go on.</summary>
    private sealed class PausedContent : HttpContent
    {
        private readonly byte[] _content;
        private readonly TaskCompletionSource _half = new(TaskCreationOptions.RunContinuationsAsynchronously), _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public PausedContent(byte[] content)
        {
            _content = content;
            Headers.ContentType = new MediaTypeHeaderValue("image/png");
        }

        public Task Half => _half.Task;

        public void GoOn() => _goOn.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            int half = _content.Length / 2;
            await stream.WriteAsync(_content.AsMemory(0, half));
            await stream.FlushAsync();
            _half.TrySetResult();
            await _goOn.Task;
            await stream.WriteAsync(_content.AsMemory(half));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _content.Length;
            return true;
        }
    }
}
