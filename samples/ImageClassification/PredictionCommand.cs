namespace ImageClassification;

/// <summary>Classifies files with a saved model, a line a file.</summary>
internal static class PredictionCommand
{
    private const int ClassesShown = 3;

    /// <summary>Classifies all files that can be read.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string modelPath, string[] files)
    {
        Prediction prediction;
        try
        {
            prediction = Prediction.Load(modelPath);
        }
        catch (FileNotFoundException)
        {
            return Failure.Report(ExitCode.WrongArguments, $"The model '{modelPath}' doesn't exist. Train one first, or name another with --model.");
        }
        catch (Exception exception) when (Failure.IsOfUser(exception))
        {
            return Failure.Report(ExitCode.WrongArguments, $"The model '{modelPath}' can't be loaded: {exception.Message}");
        }

        using (prediction)
        {
            int exitCode = ExitCode.Success;
            foreach (string file in files)
            {
                try
                {
                    IEnumerable<string> classes = prediction.Classify(file).Take(ClassesShown).Select(result => FormattableString.Invariant($"{result.ClassName} {result.Probability * 100:F1} %"));
                    Console.WriteLine($"{file}: {string.Join(", ", classes)}");
                }
                catch (Exception exception) when (Failure.IsOfUser(exception))
                {
                    exitCode = Failure.Report(ExitCode.Failed, exception.Message);
                }
            }

            return exitCode;
        }
    }
}
