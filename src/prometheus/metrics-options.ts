import { register as defaultRegister, type Registry, type RegistryContentType } from 'prom-client';
import { InvalidOptionError } from '../errors.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** Options of `PubSubMetricsModule`. */
export interface PubSubMetricsOptions {
  /**
   * The registry of `prom-client` that gets the metrics. Its other metrics stay.
   *
   * @defaultValue the `register` of `prom-client`
   */
  readonly register?: Registry<RegistryContentType>;

  /**
   * The beginning of every name.
   *
   * @defaultValue `'redis_pubsub_'`
   */
  readonly prefix?: string;

  /**
   * The upper bounds of `handler_duration_seconds`, in seconds, ascending. Each is one more time series per pattern.
   *
   * @defaultValue `[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]`
   */
  readonly buckets?: readonly number[];

  /**
   * Returns the value of the label `channel` for a channel by Redis' name, prefix included; `undefined` for the
   * default. Each value is a time series, so return few. It is called for each message that is published or received.
   *
   * @defaultValue the declared pattern of the channel
   */
  readonly channelLabel?: (channel: string) => string | undefined;
}

/** Every option, checked, with its default in place. */
export type ResolvedMetricsOptions = Readonly<
  Required<Omit<PubSubMetricsOptions, 'channelLabel'>> & {
    channelLabel: PubSubMetricsOptions['channelLabel'];
  }
>;

const BUCKETS_S: readonly number[] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const NAMES = ['register', 'prefix', 'buckets', 'channelLabel'] as const;

/** Checks the options, and sets the defaults. Throws {@link InvalidOptionError}. */
export function resolveMetricsOptions(options: PubSubMetricsOptions): ResolvedMetricsOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options', 'an object', withoutText(options));
  }
  for (const name of Object.keys(options)) {
    if (!NAMES.some((known) => known === name)) throw unknownName('option', name, NAMES);
  }
  const {
    register = defaultRegister,
    prefix = 'redis_pubsub_',
    buckets = BUCKETS_S,
    channelLabel,
  } = options;
  return {
    register: checkRegister(register),
    prefix: checkPrefix(prefix),
    buckets: checkBuckets(buckets),
    channelLabel: checkChannelLabel(channelLabel),
  };
}

/** Not by `instanceof`: an application may have a copy of `prom-client` of its own. */
function checkRegister(register: unknown): Registry<RegistryContentType> {
  const isRegister =
    typeof register === 'object' &&
    register !== null &&
    ['registerMetric', 'getSingleMetric', 'removeSingleMetric'].every(
      (name) => typeof Reflect.get(register, name) === 'function',
    );
  if (isRegister) return register as Registry<RegistryContentType>;
  throw new InvalidOptionError('register', 'a Registry of prom-client', withoutText(register));
}

function checkPrefix(prefix: unknown): string {
  if (typeof prefix === 'string' && /^[A-Za-z_:][\w:]*$/.test(prefix)) return prefix;
  const expected = 'letters, digits, "_" or ":", without a digit at the beginning';
  throw new InvalidOptionError('prefix', expected, prefix);
}

function checkBuckets(buckets: unknown): readonly number[] {
  const isAscending =
    Array.isArray(buckets) &&
    buckets.length > 0 &&
    buckets.every(
      (bound: unknown, at) =>
        Number.isFinite(bound) && (at === 0 || Number(bound) > buckets[at - 1]),
    );
  if (isAscending) return buckets as number[];
  throw new InvalidOptionError('buckets', 'an array of ascending numbers of seconds', buckets);
}

function checkChannelLabel(channelLabel: unknown): PubSubMetricsOptions['channelLabel'] {
  if (channelLabel === undefined || typeof channelLabel === 'function') {
    return channelLabel as PubSubMetricsOptions['channelLabel'];
  }
  throw new InvalidOptionError('channelLabel', 'a function', withoutText(channelLabel));
}
