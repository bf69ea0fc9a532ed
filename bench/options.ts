import { parseArgs } from 'node:util';

/** The command-line options of a run. */
export interface BenchOptions {
  /** Runs every measure once with small counts, to check that it runs. */
  readonly isQuick: boolean;
  /** The names of the measures to run; `undefined` for all. */
  readonly only: readonly string[] | undefined;
  /** The folder for the results; `undefined` to write none. */
  readonly out: string | undefined;
  /** The folder for the CPU profiles of the processes under test; `undefined` for none. */
  readonly profiles: string | undefined;
}

export const USAGE =
  'Usage: npm run bench -- [--quick] [--only <name>[,<name>]] [--out <folder>] [--profiles <folder>]';

const RESULTS = 'bench/results';

/** Parses the arguments. Throws an error that names the invalid argument. */
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
