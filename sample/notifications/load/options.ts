import { parseArgs } from 'node:util';

export interface LoadOptions {
  /** The number of gateway processes, which share the streams. */
  readonly gateways: number;
  /** The number of open streams, each of a different user. */
  readonly streams: number;
  /** The number of notifications that are emitted per second. */
  readonly rate: number;
  /** The duration of the run. */
  readonly seconds: number;
  /** Whether to print one line of JSON instead of the summary. */
  readonly json: boolean;
}

export const USAGE =
  'Usage: npm run load -- [--gateways 1] [--streams 2000] [--rate 2000] [--seconds 20] [--json]';

/** Parses the arguments. Throws an error that names the invalid argument. */
export function parseOptions(args: string[]): LoadOptions {
  const { values } = parseArgs({
    args,
    options: {
      gateways: { type: 'string', default: '1' },
      streams: { type: 'string', default: '2000' },
      rate: { type: 'string', default: '2000' },
      seconds: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
    },
  });
  return {
    gateways: positiveInteger('gateways', values.gateways),
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
