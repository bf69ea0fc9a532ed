import { ChannelPattern } from '../channel/channel-pattern.js';
import { InvalidOptionError } from '../errors.js';
import { withoutText } from '../shared/clean-error.js';
import { checkMilliseconds } from './option-checks.js';
import type { HistoryLimits } from './options.js';

/** The most messages of one channel: a reader may ask for all of them at once. */
const MAX_SIZE = 100_000;

/** How much Redis keeps of the channels of each pattern, in the order in which they were given. */
export type HistoryByPattern = Readonly<Record<string, HistoryLimits>>;

/** The option `history`. */
export function checkHistory(name: string, value: unknown): HistoryByPattern {
  const expected = "an object such as { 'user.:id.notifications': { size: 100, ttl: 600_000 } }";
  const entries = Object.entries(assertObject(name, value, expected)).map(([pattern, limits]) => {
    ChannelPattern.parse(pattern);
    return [pattern, checkHistoryLimits(`${name}["${pattern}"]`, limits)] as const;
  });
  return Object.fromEntries(entries);
}

/** How much Redis keeps of a channel. */
export function checkHistoryLimits(name: string, value: unknown): HistoryLimits {
  const { size, ttl, ...others } = assertObject(name, value, 'an object with size and ttl');
  const [other] = Object.keys(others);
  if (other !== undefined) {
    throw new InvalidOptionError(name, 'an object with nothing but size and ttl', other);
  }
  return {
    size: checkSize(`${name}.size`, size),
    ttl: checkMilliseconds(`${name}.ttl`, ttl, 1),
  };
}

function checkSize(name: string, size: unknown): number {
  if (Number.isInteger(size) && Number(size) >= 1 && Number(size) <= MAX_SIZE) return Number(size);
  throw new InvalidOptionError(name, `an integer from 1 to ${MAX_SIZE}`, withoutText(size));
}

function assertObject(
  name: string,
  value: unknown,
  expected: string,
): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new InvalidOptionError(name, expected, withoutText(value));
}
