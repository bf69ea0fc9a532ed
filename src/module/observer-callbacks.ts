import type { ChannelPattern } from '../channel/channel-pattern.js';
import { InvalidOptionError, shorten, textOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';

/** A callback of an observer, made safe: it neither throws nor rejects. */
type SafeCallback<Value> = (value: Value) => unknown;

/** Makes the callbacks of observers safe, and logs their errors. */
export class ObserverCallbacks {
  readonly #callbackFailures: RateLimitedLog;

  constructor(logger: { error(line: string): void }) {
    this.#callbackFailures = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `The callbacks of observers failed ${count} more times`,
    );
  }

  /** `name` is that of the option. Throws `InvalidOptionError` unless the callback is a function or not given. */
  safely<Value>(
    name: 'onLost' | 'onSubscribed',
    { source }: ChannelPattern,
    callback: SafeCallback<Value> | undefined,
  ): SafeCallback<Value> | undefined {
    if (callback === undefined) return undefined;
    if (typeof callback !== 'function') throw new InvalidOptionError(name, 'a function', callback);
    return async (value) => {
      try {
        await callback(value);
      } catch (error) {
        this.#callbackFailures.add(
          () => `${name} of "${shorten(source)}" failed: ${textOf(error)}`,
        );
      }
    };
  }
}
