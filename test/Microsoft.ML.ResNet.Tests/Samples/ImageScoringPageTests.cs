using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace Microsoft.ML.ResNet.Tests.Samples;

/// <summary>The page of the web application in a real browser.</summary>
[TestClass]
[DoNotParallelize]
public sealed class ImageScoringPageTests
{
    private static readonly string[] s_browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private static readonly TemporaryFolder Folder = new();
    private static ScoringServer? s_server;
    private static IPlaywright? s_playwright;
    private static IBrowser? s_browser;

    /// <summary>Where the pictures of the pages are kept, to be looked at.</summary>
    private static string Screenshots => Path.Combine(RepositoryPaths.Root, "artifacts", "screenshots");

    private static string Red => Path.Combine(Folder.File("images"), ColourFolder.Red, "05.png");

    private static string Blue => Path.Combine(Folder.File("images"), ColourFolder.Blue, "05.png");

    [ClassInitialize]
    public static async Task Start(TestContext context)
    {
        if (s_browsers.FirstOrDefault(File.Exists) is not { } browser)
        {
            return;
        }

        ColourFolder.Create(Folder.File("images"), ColourFolder.Red, ColourFolder.Blue);
        ColourModel.Save(Folder.File("images"), Folder.File("model.zip"));
        s_server = await ScoringServer.StartAsync(Folder.File("model.zip"), "--Serving:MaxFileBytes", "100000");
        s_playwright = await Microsoft.Playwright.Playwright.CreateAsync();
        s_browser = await s_playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = browser, Args = ["--no-sandbox"] });
    }

    [ClassCleanup]
    public static async Task Stop()
    {
        if (s_browser is not null)
        {
            await s_browser.DisposeAsync();
        }

        s_playwright?.Dispose();
        s_server?.Dispose();
        Folder.Dispose();
    }

    /// <summary>The button shows the picture of what speaks for the class, in the place of the picture, and the picture again.</summary>
    [TestMethod]
    public async Task Explain_AResult_ShowsWhatSpeaksForIt()
    {
        await using Visit visit = await OpenAsync(1200, 800, ColorScheme.Light);
        IPage page = visit.Page;
        await DropAsync(page, Red);
        ILocator button = page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "What speaks for it: red in 05.png" }), image = page.Locator("#results img");
        await Assertions.Expect(button).ToBeVisibleAsync();
        string? own = await image.GetAttributeAsync("src");

        await button.ClickAsync();
        await Assertions.Expect(image).ToHaveAttributeAsync("alt", "05.png: from red to yellow, what speaks for red");
        await Assertions.Expect(button).ToHaveAttributeAsync("aria-pressed", "true");
        Assert.AreNotEqual(own, await image.GetAttributeAsync("src"));
        Assert.AreEqual(224, await image.EvaluateAsync<int>("image => image.decode().then(() => image.naturalWidth)"));
        AxeResult accessibility = await page.RunAxe();
        Assert.IsEmpty(accessibility.Violations, string.Join('\n', accessibility.Violations.Select(violation => violation.Help)));
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, "explained.png") });

        await button.PressAsync("Enter");
        await Assertions.Expect(image).ToHaveAttributeAsync("alt", "05.png: red");
        Assert.AreEqual(own, await image.GetAttributeAsync("src"));
    }

    [TestMethod]
    [DataRow("wide", 1200, 800, ColorScheme.Light)]
    [DataRow("narrow", 360, 740, ColorScheme.Light)]
    [DataRow("dark", 1200, 800, ColorScheme.Dark)]
    public async Task Drop_Pictures_ShowsTheirClassesAndIsAccessible(string name, int width, int height, ColorScheme scheme)
    {
        await using Visit visit = await OpenAsync(width, height, scheme);
        IPage page = visit.Page;
        string large = Folder.File($"a picture with quite a long name, as telephones give them {name}.png"), text = Folder.File("notes.png");
        await File.WriteAllBytesAsync(large, new byte[150_000]);
        await File.WriteAllTextAsync(text, "This is no image.");

        await DropAsync(page, Red, Blue, text, large);
        await Assertions.Expect(page.Locator("#results h3", new PageLocatorOptions { HasText = "…" })).ToHaveCountAsync(0);

        ILocator items = page.Locator("#results li");
        await Assertions.Expect(items).ToHaveCountAsync(4);
        await Assertions.Expect(items.Filter(new LocatorFilterOptions { HasText = "Not classified" })).ToHaveCountAsync(2);
        await Assertions.Expect(page.Locator("#results img[alt='05.png: red']")).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator($"#results img[alt='05.png: {ColourFolder.Blue}']")).ToBeVisibleAsync();
        ILocator red = items.Filter(new LocatorFilterOptions { Has = page.Locator("img[alt='05.png: red']") });
        Assert.AreEqual(ColourFolder.Red, await red.Locator("h3").TextContentAsync());
        StringAssert.EndsWith(await red.Locator("dd").First.TextContentAsync(), " %");
        Assert.IsTrue(await red.Locator("img").EvaluateAsync<bool>("image => image.naturalWidth === 16"), "The thumbnail is shown.");
        await Assertions.Expect(page.Locator("#results").GetByText("'notes.png' is no image, expected JPEG, PNG, WebP, GIF or BMP.")).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator("#results").GetByText("more than the server's limit")).ToBeVisibleAsync();
        Assert.IsTrue(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), "The page is not wider than the window.");

        Directory.CreateDirectory(Screenshots);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Screenshots, $"page-{name}.png"), FullPage = true });
        AxeResult axe = await page.RunAxe();
        Assert.IsEmpty(axe.Violations.Select(violation => $"{violation.Impact} {violation.Id}: {violation.Help} {string.Join(" ", violation.Nodes.Select(node => node.Html))}"));
        CollectionAssert.AreEqual(new[] { "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)" }, visit.Errors.ToArray());
    }

    [TestMethod]
    public async Task Keyboard_ChooseAndClear_Works()
    {
        await using Visit visit = await OpenAsync(1000, 700, ColorScheme.Light);
        IPage page = visit.Page;
        await page.Keyboard.PressAsync("Tab");
        Assert.AreEqual("choose", await page.EvaluateAsync<string>("document.activeElement.id"));

        IFileChooser chooser = await page.RunAndWaitForFileChooserAsync(() => page.Keyboard.PressAsync("Enter"));
        Assert.IsTrue(chooser.IsMultiple);
        await chooser.SetFilesAsync([Red, Blue]);
        await Assertions.Expect(page.Locator("#results dl").Filter(new LocatorFilterOptions { HasText = "%" })).ToHaveCountAsync(2);
        await Assertions.Expect(page.GetByRole(AriaRole.Status)).ToContainTextAsync("05.png: ");

        await page.Locator("#clear").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(page.Locator("#results li")).ToHaveCountAsync(0);
        await Assertions.Expect(page.Locator("#empty")).ToBeVisibleAsync();
        Assert.IsEmpty(visit.Errors);
    }

    [TestMethod]
    public async Task Paste_Picture_ShowsItsClass()
    {
        await using Visit visit = await OpenAsync(1000, 700, ColorScheme.Light);

        await visit.Page.EvaluateAsync(
            "base64 => { const data = new DataTransfer(); data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], 'pasted.png', { type: 'image/png' })); "
            + "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data })); }",
            Convert.ToBase64String(await File.ReadAllBytesAsync(Blue)));

        await Assertions.Expect(visit.Page.Locator($"#results img[alt='pasted.png: {ColourFolder.Blue}']")).ToBeVisibleAsync();
    }

    [TestMethod]
    public async Task Photograph_Camera_AsksForOne()
    {
        await using Visit visit = await OpenAsync(360, 740, ColorScheme.Light);

        IFileChooser chooser = await visit.Page.RunAndWaitForFileChooserAsync(() => visit.Page.GetByText("Take a photo").ClickAsync());
        await chooser.SetFilesAsync(Red);

        Assert.AreEqual("environment", await visit.Page.Locator("#camera").GetAttributeAsync("capture"));
        await Assertions.Expect(visit.Page.Locator("#results h3")).ToHaveTextAsync(ColourFolder.Red);
    }

    private static async Task<Visit> OpenAsync(int width, int height, ColorScheme scheme)
    {
        if (s_browser is null)
        {
            Assert.Inconclusive($"There is no Chromium, expected one of {string.Join(", ", s_browsers)}. Debian's package is chromium.");
        }

        IBrowserContext context = await s_browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = s_server!.Client.BaseAddress!.ToString(),
            ColorScheme = scheme,
            ViewportSize = new ViewportSize { Width = width, Height = height },
            Locale = "en",
        });
        IPage page = await context.NewPageAsync();
        var visit = new Visit(context, page);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                visit.Errors.Add(message.Text);
            }
        };

        // The browser hands file choosers over while somebody listens. It learns of that on a way of its own, which a key that is pressed at once may overtake.
        page.FileChooser += (_, _) => { };
        await page.GotoAsync("/");
        await Assertions.Expect(page.Locator("#model")).ToHaveTextAsync("model.zip: 2 classes.");
        return visit;
    }

    private static async Task DropAsync(IPage page, params string[] files)
    {
        IJSHandle data = await page.EvaluateHandleAsync("() => new DataTransfer()");
        foreach (string file in files)
        {
            await page.EvaluateAsync(
                "([data, name, base64]) => data.items.add(new File([Uint8Array.from(atob(base64), c => c.charCodeAt(0))], name, { type: 'image/png' }))",
                new object[] { data, Path.GetFileName(file), Convert.ToBase64String(await File.ReadAllBytesAsync(file)) });
        }

        await page.DispatchEventAsync("#drop", "drop", new { dataTransfer = data });
    }

    private sealed record Visit(IBrowserContext Context, IPage Page) : IAsyncDisposable
    {
        public List<string> Errors { get; } = [];

        public ValueTask DisposeAsync() => Context.DisposeAsync();
    }
}
