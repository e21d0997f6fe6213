namespace Microsoft.ML.ResNet.Network;

/// <summary>Recognises the well-known networks.</summary>
internal static class NamedArchitectures
{
    /// <summary>The name of the network, or null for one of the user's own. A stem that was settled by the size of the images doesn't matter.</summary>
    public static ResNetArchitecture? Find(ResNetSpecification specification)
    {
        foreach (ResNetArchitecture architecture in Enum.GetValues<ResNetArchitecture>())
        {
            ResNetSpecification named = ResNetSpecification.FromArchitecture(architecture);
            if (specification.Equals(named) || (named.Stem == ResNetStem.Auto && specification.Equals(named with { Stem = specification.Stem })))
            {
                return architecture;
            }
        }

        return null;
    }
}
