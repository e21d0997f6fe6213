using Microsoft.ML.ResNet.Scoring;

namespace Microsoft.ML.ResNet.Tests.Scoring;

[TestClass]
public sealed class FusedConvolutionsTests
{
    [TestMethod]
    public void Load_FolderThatIsMissing_GivesTheReasonAndNoException()
    {
        using var folder = new TemporaryFolder();

        var (instance, reason) = FusedConvolutions.Load(folder.File("missing"));

        Assert.IsNull(instance);
        StringAssert.StartsWith(reason, "Could not find a part of the path");
    }
}
