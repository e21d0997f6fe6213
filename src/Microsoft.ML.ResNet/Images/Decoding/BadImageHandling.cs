namespace Microsoft.ML.ResNet;

/// <summary>What to do with an image that can't be read: a missing, empty, damaged, unsupported or too large file. 178,956,970 pixels are the most, as in Pillow.</summary>
public enum BadImageHandling
{
    /// <summary>Stop with an exception that names the file or row.</summary>
    Throw,

    /// <summary>
    /// Go on. Training leaves the row out and warns once, with the number of such rows and the first of them. Scoring gives the row
    /// scores of NaN and a missing predicted label.
    /// </summary>
    Skip,
}
