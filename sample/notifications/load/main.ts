// Measures the latency and the losses of notifications on the streams of one or more gateways.
import { Logger } from '@nestjs/common';
import { LoadRun } from './load-run.js';
import { checkOpenFiles } from './open-files.js';
import { parseOptions, USAGE, type LoadOptions } from './options.js';
import { figuresOf, isFlawless, summaryOf } from './report.js';

// Nest writes warnings to stdout, which is for the result only. The result shows losses too.
Logger.overrideLogger(['error', 'fatal']);

try {
  await main(readOptions());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function readOptions(): LoadOptions {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, {
      cause: error,
    });
  }
}

async function main(options: LoadOptions): Promise<void> {
  checkOpenFiles(options.streams);
  const result = await new LoadRun(options, (progress) => console.error(`${progress} …`)).run();
  const figures = figuresOf(result);
  console.log(options.json ? JSON.stringify(figures) : summaryOf(figures));
  if (!isFlawless(result)) process.exitCode = 1;
}
