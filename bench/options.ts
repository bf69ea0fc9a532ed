import { parseArgs } from 'node:util';

/** What a run is asked to do. */
export interface BenchOptions {
  /** Every measure once, with small counts: to see that it runs, not how fast. */
  readonly isQuick: boolean;
  /** The names of the measures to run; `undefined`: all. */
  readonly only: readonly string[] | undefined;
  /** The folder that the results are written to; `undefined`: none. */
  readonly out: string | undefined;
  /** The folder that the processes under test write their CPU profiles to; `undefined`: none. */
  readonly profiles: string | undefined;
}

export const USAGE =
  'Usage: npm run bench -- [--quick] [--only <name>[,<name>]] [--out <folder>] [--profiles <folder>]';

const RESULTS = 'bench/results';

/** Throws an error that says what is wrong with the arguments. */
export function parseOptions(args: string[], names: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      out: { type: 'string' },
      profiles: { type: 'string' },
    },
  });
  const only = values.only?.split(',').map((name) => name.trim());
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`Expected "--only" to name ${names.join(', ')}, got "${unknown}"`);
  }
  const isFull = !values.quick && !only;
  return {
    isQuick: values.quick,
    only,
    out: values.out ?? (isFull ? RESULTS : undefined),
    profiles: values.profiles,
  };
}
