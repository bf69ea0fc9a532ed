// Compares the cost and the throughput of this package with Nest's own transport and with bare clients.
import { Bench } from './harness/bench.js';
import { environment } from './harness/environment.js';
import { GUARDS, MEASURES } from './measures/all.js';
import { parseOptions, USAGE, type BenchOptions } from './options.js';
import { toMarkdown } from './report/markdown.js';
import type { Report } from './report/report.js';
import { writeReport } from './report/write-report.js';

try {
  await main(readOptions());
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

function readOptions(): BenchOptions {
  const names = MEASURES.map(({ name }) => name);
  try {
    return parseOptions(process.argv.slice(2), names);
  } catch (error) {
    throw new Error(`${USAGE}\nMeasures: ${names.join(', ')}`, { cause: error });
  }
}

async function main(options: BenchOptions): Promise<void> {
  const report = await run(options);
  console.log(toMarkdown(report));
  if (options.out !== undefined) await writeReport(report, options.out);
  assertGuarded(report);
}

/** Throws if a count that does not depend on the machine has grown beyond its limit. */
function assertGuarded({ measures }: Report): void {
  const guarded = measures.filter(({ name }) => GUARDS.some((guard) => guard.name === name));
  const missed = guarded
    .flatMap(({ rows }) => rows)
    .filter(({ targets }) => targets.some(({ isMet }) => !isMet));
  if (missed.length === 0) return;
  throw new Error(`Beyond the limits: ${missed.map(({ name }) => name).join('; ')}`);
}

async function run({ only, isQuick, profiles }: BenchOptions): Promise<Report> {
  const chosen = MEASURES.filter(({ name }) => only?.includes(name) ?? true);
  let current = '';
  const onProgress = (text: string): void => console.error(`${current}, ${text}`);
  const bench = await Bench.start({ isQuick, profiles, onProgress });
  try {
    const measures: Report['measures'][number][] = [];
    for (const [index, measure] of chosen.entries()) {
      if (index > 0) await bench.restart();
      const { name, title } = measure;
      current = name;
      measures.push({ name, title, ...(await measure.run(bench)) });
    }
    return { isQuick, environment: await environment(await bench.redis.version()), measures };
  } finally {
    await bench.close();
  }
}
