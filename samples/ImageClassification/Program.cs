using System.Text;
using ImageClassification.CommandLine;

// UTF-8 without the mark at the beginning, which programs that read the output would take for a part of it.
Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
StandardStream.Replace();
return Tool.Run(args);
