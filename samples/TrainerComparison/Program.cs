using System.Text;
using TrainerComparison;

Console.OutputEncoding = Encoding.UTF8;
return CommandLine.Run(args, ComparisonCommand.Run);
