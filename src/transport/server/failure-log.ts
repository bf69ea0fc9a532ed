import type { Logger } from '@nestjs/common';
import { inspect } from 'node:util';
import { BurstLog } from '../../shared/rate-limited-log.js';
import { shorten } from '../../errors.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';
import { INTERNAL_ERROR } from './responder.js';

const HINT =
  'Nest logs why, unless it was an HttpException, as a ValidationPipe throws: have its exceptionFactory make an RpcException';

/** Says what handlers failed with (anything at all), and where: Nest's own line, if there is one, names no channel. */
export class FailureLog {
  readonly #logger: Pick<Logger, 'error' | 'warn'>;
  readonly #hidden = new BurstLog(
    (line) => this.#logger.warn(line),
    (count) => `Handlers failed ${count} more times`,
  );
  /** The patterns whose handlers have had the hint. */
  readonly #hinted = new Set<string>();

  constructor(logger: Pick<Logger, 'error' | 'warn'>) {
    this.#logger = logger;
  }

  report(context: RedisPubSubContext, error: unknown): void {
    const pattern = context.getPattern();
    const where = `The handler of "${shorten(pattern)}" failed on "${shorten(context.getChannel())}"`;
    if (!isHiddenByNest(error)) this.#logger.error(`${where}: ${textOf(error)}`);
    // Nest has logged the error itself, or thought that it was none worth logging.
    else this.#hidden.add(() => (this.#isFirst(pattern) ? `${where}. ${HINT}` : where));
  }

  #isFirst(pattern: string): boolean {
    const isFirst = !this.#hinted.has(pattern);
    this.#hinted.add(pattern);
    return isFirst;
  }
}

/** The text of whatever was thrown, as a log shows it. */
export function textOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.stack) : inspect(error, { breakLength: Infinity });
  } catch {
    return 'an error that cannot be shown';
  }
}

/** Nest's exception filter passes only this on of whatever is no `RpcException`. */
export function isHiddenByNest(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    Reflect.get(error, 'status') === INTERNAL_ERROR.status &&
    Reflect.get(error, 'message') === INTERNAL_ERROR.message
  );
}
