import type { Logger } from '@nestjs/common';
import type { ChannelPattern } from '../channel/channel-pattern.js';
import { InvalidOptionError, shorten, textOf } from '../errors.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { ObserveOptions } from './service-options.js';

/** Calls the `onSubscribed` of observers, and logs what they throw. */
export class SubscribedCallbacks {
  readonly #logger: Pick<Logger, 'error'>;
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `onSubscribed failed ${count} more times`,
  );

  constructor(logger: Pick<Logger, 'error'>) {
    this.#logger = logger;
  }

  /** The callback of an observer, which the broker calls: it must not throw. */
  safely(
    { source }: ChannelPattern,
    { onSubscribed }: ObserveOptions,
  ): ObserveOptions['onSubscribed'] {
    if (onSubscribed === undefined) return undefined;
    if (typeof onSubscribed !== 'function') {
      throw new InvalidOptionError('onSubscribed', 'a function', onSubscribed);
    }
    return async (gap) => {
      try {
        await onSubscribed(gap);
      } catch (error) {
        this.#failures.add(() => `onSubscribed of "${shorten(source)}" failed: ${textOf(error)}`);
      }
    };
  }
}
