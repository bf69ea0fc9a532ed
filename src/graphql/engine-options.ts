import type { PubSubGap } from '../broker/broker.js';
import { InvalidOptionError } from '../errors.js';
import { checkBoolean, checkCount, checkOneOf } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** Messages that an iterator may have missed. It has either a `gap` or a number that is `lost`. */
export interface MissedMessages {
  /** The channel or the pattern that was given to the iterator. */
  readonly trigger: string;
  /** The time in which messages may be lost. */
  readonly gap?: PubSubGap;
  /** How many messages of a publisher did not arrive. */
  readonly lost?: number;
}

/** How a {@link RedisPubSubEngineOptions engine} subscribes to a trigger. */
export interface TriggerOptions {
  /**
   * Whether a trigger is a pattern, such as `comment.*`. Otherwise it is one channel, whatever characters it has.
   *
   * @defaultValue `false`
   */
  readonly pattern?: boolean;

  /**
   * Whether the channel is sharded. A pattern cannot be sharded.
   *
   * @defaultValue the `sharded` of the module
   */
  readonly sharded?: boolean;
}

/** Options of `RedisPubSubEngine`, and of one of its iterators. */
export interface RedisPubSubEngineOptions extends TriggerOptions {
  /**
   * How many messages of an iterator wait at most for a reader that is slower than they are.
   *
   * @defaultValue `1000`
   */
  readonly maxWaiting?: number;

  /**
   * What happens to a message when too many wait. With `'error'`, the iterator fails, so that the client subscribes again.
   *
   * @defaultValue `'drop-oldest'`
   */
  readonly overflow?: 'drop-oldest' | 'drop-newest' | 'error';

  /**
   * What happens when messages may be missing: after an outage, and when single messages did not arrive. With `'end'` the
   * iterator completes, and with `'error'` it fails with a `ConnectionError`. A function returns the payload that tells the
   * client to load its state; `undefined` for none.
   *
   * @defaultValue `'ignore'`
   */
  readonly onGap?: 'ignore' | 'end' | 'error' | ((missed: MissedMessages) => unknown);
}

/** Every option of an iterator, checked, with its default in place. */
export interface ResolvedEngineOptions extends Required<Omit<RedisPubSubEngineOptions, 'sharded'>> {
  readonly sharded: boolean | undefined;
}

const NAMES: readonly string[] = [
  'maxWaiting',
  'overflow',
  'onGap',
  'pattern',
  'sharded',
] satisfies (keyof RedisPubSubEngineOptions)[];

/** Checks the options, and sets the defaults. Throws {@link InvalidOptionError}. */
export function resolveEngineOptions(options: RedisPubSubEngineOptions): ResolvedEngineOptions {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options', 'an object', withoutText(options));
  }
  const unknown = Object.keys(options).find((it) => !NAMES.includes(it));
  if (unknown !== undefined) throw unknownName('option', unknown, NAMES);
  const {
    maxWaiting = 1_000,
    overflow = 'drop-oldest',
    onGap = 'ignore',
    pattern = false,
    sharded,
  } = options;
  return {
    maxWaiting: checkCount('maxWaiting', maxWaiting, 1),
    overflow: checkOneOf('overflow', overflow, ['drop-oldest', 'drop-newest', 'error']),
    onGap:
      typeof onGap === 'function' ? onGap : checkOneOf('onGap', onGap, ['ignore', 'end', 'error']),
    pattern: checkBoolean('pattern', pattern),
    sharded: sharded === undefined ? undefined : checkBoolean('sharded', sharded),
  };
}
