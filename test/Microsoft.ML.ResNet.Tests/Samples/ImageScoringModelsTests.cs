using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>Which models the web application serves, and what it makes of them.</summary>
[TestClass]
public sealed class ImageScoringModelsTests
{
    private static readonly TemporaryFolder Folder = new();
    private static readonly MLContext Context = new(1);

    private static string Images => Folder.File("images");

    [ClassInitialize]
    public static void Create(TestContext context) => ColourFolder.Create(Images, ColourFolder.Red, ColourFolder.Blue);

    [ClassCleanup]
    public static void Delete() => Folder.Dispose();

    /// <summary>The application has no file for such a pipeline: the upload takes the place of what the pipeline would read.</summary>
    [TestMethod]
    [DataRow(null)]
    [DataRow("ImagePath")]
    [DataRow("Picture")]
    public async Task Predict_ModelThatReadsFiles_ScoresTheUpload(string? imageColumn)
    {
        string path = Folder.File($"reads-{imageColumn}.zip");
        IDataView data = Context.Data.LoadImageFolder(Images);
        using var model = Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.Transforms.LoadImages("Picture", null, "ImagePath"))
            .Append(Context.Transforms.ResizeImages("Picture", 16, 16))
            .Append(Context.Transforms.ExtractPixels("Pixels", "Picture"))
            .Append(Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options { FeatureColumnName = "Pixels", Architecture = ResNetArchitecture.ResNet20, Epochs = 6, BatchSize = 8 }))
            .Fit(data);
        Context.Model.Save(model, data.Schema, path);
        using ScoringServer server = await ScoringServer.StartAsync(path, imageColumn is null ? [] : ["--Serving:ImageColumn", imageColumn]);

        foreach (ScoredFile row in Context.Data.CreateEnumerable<ScoredFile>(model.Transform(data), reuseRowObject: false))
        {
            using HttpResponseMessage response = await server.Client.PostAsync("predict?top=0", Body(await File.ReadAllBytesAsync(row.ImagePath)));
            JsonElement answer = (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("images")[0];
            float red = answer.GetProperty("classes").EnumerateArray().Single(item => item.GetProperty("name").GetString() == ColourFolder.Red).GetProperty("probability").GetSingle();
            Assert.AreEqual(row.Score[0], red, 1e-5f, row.ImagePath);
        }
    }

    /// <summary>Such a model throws at no image: it has scores of NaN and no picture for one that is damaged.</summary>
    [TestMethod]
    public async Task Requests_ModelThatSkipsBadImages_RefuseDamagedOnes()
    {
        string path = Folder.File("skips.zip");
        IDataView data = Context.Data.LoadImageFolder(Images);
        using var trained = Context.Transforms.Conversion.MapValueToKey("Label")
            .Append(Context.MulticlassClassification.Trainers.ResNet(new ResNetTrainer.Options { FeatureColumnName = "ImagePath", Architecture = ResNetArchitecture.ResNet20, Epochs = 1, BatchSize = 8 }))
            .Fit(data);
        using ResNetTransformer skipping = trained.LastTransformer.WithBadImages(Context, BadImageHandling.Skip);
        Context.Model.Save(skipping, data.Schema, path);
        using ScoringServer server = await ScoringServer.StartAsync(path);
        byte[] image = await File.ReadAllBytesAsync(Path.Combine(Images, ColourFolder.Red, "05.png"));

        foreach (string address in (string[])["predict", "explain"])
        {
            using HttpResponseMessage damaged = await server.Client.PostAsync(address, Body(image[..(image.Length / 2)])), whole = await server.Client.PostAsync(address, Body(image));
            string text = await damaged.Content.ReadAsStringAsync();
            Assert.AreEqual(HttpStatusCode.UnprocessableEntity, damaged.StatusCode, text);
            StringAssert.Contains(text, "The image can't be decoded.");
            Assert.AreEqual(HttpStatusCode.OK, whole.StatusCode);
        }
    }

    /// <summary>What the scores are computed from beside the image would stay empty, and every answer be wrong.</summary>
    [TestMethod]
    [DataRow("ImagePath")]
    [DataRow("Label")]
    public async Task Start_ScoresOfAText_AreNotServed(string text)
    {
        string path = Folder.File($"text-{text}.zip");
        IDataView data = Context.Data.LoadImageFolder(Images);
        ITransformer model = Context.Transforms.Conversion.MapValueToKey("Key", "Label")
            .Append(Context.Transforms.LoadImages("Picture", null, "ImagePath"))
            .Append(Context.Transforms.ResizeImages("Picture", 16, 16))
            .Append(Context.Transforms.ExtractPixels("Pixels", "Picture"))
            .Append(Context.Transforms.Text.FeaturizeText("Words", text))
            .Append(Context.Transforms.Concatenate("Features", "Pixels", "Words"))
            .Append(Context.MulticlassClassification.Trainers.SdcaMaximumEntropy("Key", maximumNumberOfIterations: 2))
            .Fit(data);
        Context.Model.Save(model, data.Schema, path);

        ProcessResult result = await DotNet.RunAsync([RepositoryPaths.Sample("ImageScoringApi"), "--Model", path, "--Urls", "http://127.0.0.1:0"]);

        Assert.AreEqual(1, result.ExitCode, result.Output);
        StringAssert.Contains(result.StandardError, "has the input columns");
        StringAssert.Contains(result.StandardError, "computes its output column 'Score' from this column alone");
    }

    private static ByteArrayContent Body(byte[] content)
    {
        var body = new ByteArrayContent(content);
        body.Headers.ContentType = new MediaTypeHeaderValue("image/png");
        return body;
    }

    private sealed class ScoredFile
    {
        public string ImagePath { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
