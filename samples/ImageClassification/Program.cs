using System.Text;
using ImageClassification;

Console.OutputEncoding = Encoding.UTF8;
return CommandLine.Run(args, TrainingCommand.Run, PredictionCommand.Run);
