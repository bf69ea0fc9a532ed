import type { Logger } from '@nestjs/common';
import { shorten, textOf } from '../../errors.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { isHiddenByNest } from '../nest-internals.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';

const HINT =
  'Nest logs why, except for an HttpException such as that of a ValidationPipe: make its exceptionFactory return an RpcException';

/** Logs the failures of handlers with their channels, which Nest's own log lines do not name. */
export class FailureLog {
  readonly #logger: Pick<Logger, 'error' | 'warn'>;
  readonly #hidden = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `Handlers failed ${count} more times`,
  );
  /** The patterns whose failures were logged with the hint. */
  readonly #hinted = new Set<string>();

  constructor(logger: Pick<Logger, 'error' | 'warn'>) {
    this.#logger = logger;
  }

  /** `error` may be a value of any type. */
  report(context: RedisPubSubContext, error: unknown): void {
    const pattern = context.getPattern();
    const where = `The handler of "${shorten(pattern)}" failed on "${shorten(context.getChannel())}"`;
    if (!isHiddenByNest(error)) this.#logger.error(`${where}: ${textOf(error)}`);
    // Nest has logged the error itself, or logs none of its type.
    else this.#hidden.add(() => (this.#isFirst(pattern) ? `${where}. ${HINT}` : where));
  }

  #isFirst(pattern: string): boolean {
    const isFirst = !this.#hinted.has(pattern);
    this.#hinted.add(pattern);
    return isFirst;
  }
}
