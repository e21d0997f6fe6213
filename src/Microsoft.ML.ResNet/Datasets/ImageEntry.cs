using Microsoft.ML.ResNet.Images;


namespace Microsoft.ML.ResNet.Datasets;

/// <summary>What is known of an image of a set beside its pixels; all of it was read in the same step as the image or its path.</summary>
/// <param name="Row">The row of the data that it comes from, counted from 0.</param>
/// <param name="Label">Its class, counted from 0.</param>
/// <param name="Weight">How much it counts in the loss; 1 where there is no column of weights.</param>
/// <param name="File">Its file; without a path where it is none.</param>
/// <param name="Fingerprint">A hash by which a resumed training tells it from another image; 0 where none is wanted.</param>
internal readonly record struct ImageEntry(int Row, int Label, float Weight, ImageFile File = default, ulong Fingerprint = 0);
