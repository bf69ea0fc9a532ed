import { InvalidOptionError } from '../errors.js';
import {
  checkBoolean,
  checkCount,
  checkMilliseconds,
  checkName,
} from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** The keys of Redis whose changes remove values of a {@link LocalCacheOptions local cache}. */
export interface WatchedKeys {
  /** The keys, as a pattern of `RedisPubSubService.observeKeys`. */
  readonly pattern: string;

  /**
   * The number of their database.
   *
   * @defaultValue `0`
   */
  readonly database?: number;

  /**
   * Returns the key of the cache for a key of Redis; `undefined` for none. If it throws, the cache removes all values.
   *
   * @defaultValue the key of Redis
   */
  readonly toCacheKey?: (key: string) => string | undefined;
}

/** Options of `LocalCache`. */
export interface LocalCacheOptions {
  /** The channel of the invalidations. Caches with the same values have the same channel, in all instances. */
  readonly channel: string;

  /**
   * Whether the channel is sharded. In a Cluster, such a message passes one server only.
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;

  /**
   * How many values there are at most. A new one then takes the place of one that was not read for some time.
   *
   * @defaultValue `10_000`
   */
  readonly maxEntries?: number;

  /**
   * How long a value is kept at most, in milliseconds from the beginning of its load. It limits how long a value is stale
   * that a writer did not invalidate, for example since its process ended.
   *
   * @defaultValue `60_000`
   */
  readonly ttl?: number;

  /**
   * Keys of Redis whose changes by any client invalidate. Needs `notify-keyspace-events`.
   *
   * @defaultValue none
   */
  readonly keys?: WatchedKeys;
}

/** Every option, checked, with its default in place. */
export interface ResolvedCacheOptions {
  readonly channel: string;
  readonly sharded: boolean | undefined;
  readonly maxEntries: number;
  readonly ttlMs: number;
  readonly keys: WatchedKeys | undefined;
}

const NAMES: readonly string[] = [
  'channel',
  'sharded',
  'maxEntries',
  'ttl',
  'keys',
] satisfies (keyof LocalCacheOptions)[];

const NAMES_OF_KEYS: readonly string[] = [
  'pattern',
  'database',
  'toCacheKey',
] satisfies (keyof WatchedKeys)[];

/** Checks the options, and sets the defaults. Throws {@link InvalidOptionError}. */
export function resolveCacheOptions(options: LocalCacheOptions): ResolvedCacheOptions {
  assertKnown('options of a local cache', 'option of a local cache', options, NAMES);
  const { channel, sharded, maxEntries = 10_000, ttl = 60_000, keys } = options;
  return {
    channel: checkName('channel', channel),
    sharded: sharded === undefined ? undefined : checkBoolean('sharded', sharded),
    maxEntries: checkCount('maxEntries', maxEntries, 1),
    ttlMs: checkMilliseconds('ttl', ttl, 1),
    keys: keys === undefined ? undefined : checkKeys(keys),
  };
}

/** The pattern and the database are checked by the service, which uses them. */
function checkKeys(keys: WatchedKeys): WatchedKeys {
  assertKnown('keys', 'option of keys', keys, NAMES_OF_KEYS);
  const { toCacheKey } = keys;
  if (toCacheKey === undefined || typeof toCacheKey === 'function') return keys;
  throw new InvalidOptionError('keys.toCacheKey', 'a function', withoutText(toCacheKey));
}

function assertKnown(name: string, what: string, value: unknown, names: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(name, 'an object', withoutText(value));
  }
  const unknown = Object.keys(value).find((it) => !names.includes(it));
  if (unknown !== undefined) throw unknownName(what, unknown, names);
}
