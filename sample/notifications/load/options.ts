import { parseArgs } from 'node:util';

export interface LoadOptions {
  /** How many streams are open, each of another user. */
  readonly streams: number;
  /** How many notifications are emitted per second. */
  readonly rate: number;
  /** For how long. */
  readonly seconds: number;
  /** Whether to print one line of JSON in the place of the summary. */
  readonly json: boolean;
}

export const USAGE =
  'Usage: npm run load -- [--streams 2000] [--rate 2000] [--seconds 20] [--json]';

/** Throws an error that says what is wrong with the arguments. */
export function parseOptions(args: string[]): LoadOptions {
  const { values } = parseArgs({
    args,
    options: {
      streams: { type: 'string', default: '2000' },
      rate: { type: 'string', default: '2000' },
      seconds: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    streams: positiveInteger('streams', values.streams),
    rate: positiveInteger('rate', values.rate),
    seconds: positiveInteger('seconds', values.seconds),
    json: values.json,
  };
}

function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`Expected "${name}" to be an integer ≥ 1, got ${text || '""'}`);
}
