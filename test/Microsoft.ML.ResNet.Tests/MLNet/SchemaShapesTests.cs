using Microsoft.ML.Data;

namespace Microsoft.ML.ResNet.Tests.MLNet;

[TestClass]
public sealed class SchemaShapesTests
{
    [TestMethod]
    public void With_ColumnOfTheSameName_ReplacesIt()
    {
        var context = new MLContext();
        SchemaShape input = ShapeOf(context.Data.LoadFromEnumerable(PixelRows.Create(1)));

        SchemaShape shape = ResNet.MLNet.SchemaShapes.With(input, ResNet.MLNet.SchemaShapes.Vector("Features", NumberDataViewType.Double, []));

        CollectionAssert.AreEqual(new[] { "Label", "Features" }, shape.Select(column => column.Name).ToArray());
        Assert.AreEqual(NumberDataViewType.Double, shape[1].ItemType);
    }

    /// <summary>The shape of a data set, as ML.NET gives it to the first estimator of a chain.</summary>
    internal static SchemaShape ShapeOf(IDataView data)
    {
        var probe = new ShapeProbe();
        new EstimatorChain<ITransformer>().Append(probe).Fit(data);
        return probe.Shape ?? throw new InvalidOperationException("No shape was asked for.");
    }

    private sealed class ShapeProbe : IEstimator<ITransformer>
    {
        public SchemaShape? Shape { get; private set; }

        public ITransformer Fit(IDataView input) => new MLContext().Transforms.CopyColumns("Copy", input.Schema[0].Name).Fit(input);

        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => Shape = inputSchema;
    }
}
