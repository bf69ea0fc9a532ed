import type { HttpException, Logger } from '@nestjs/common';
import { messageOf, shorten, textOf } from '../../errors.js';
import { isRecord } from '../../codec/envelope-codec.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { isHiddenByNest, isHttpException, isRpcException } from '../nest-internals.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';

/** Logs the failures of handlers with their channels. Publishers cause them, as often as they like. */
export class FailureLog {
  readonly #failures: RateLimitedLog;
  readonly #rejections: RateLimitedLog;

  constructor(logger: Pick<Logger, 'error' | 'warn'>) {
    this.#failures = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `Handlers failed ${count} more times`,
    );
    this.#rejections = new RateLimitedLog(
      (line) => logger.warn(line),
      (count) => `Handlers rejected ${count} more messages`,
    );
  }

  /** `error` may be a value of any type. Never throws. */
  report(context: RedisPubSubContext, error: unknown): void {
    if (isHttpException(error)) {
      this.#rejections.add(() => lineOf(context, reasonsOf(error)));
    } else if (isHiddenByNest(error)) {
      this.#rejections.add(() => lineOf(context, 'a filter has replaced the error'));
    } else {
      const thrown = isRpcException(error) ? error.getError() : error;
      this.#failures.add(() => lineOf(context, textOf(thrown)));
    }
  }
}

function lineOf(context: RedisPubSubContext, reason: string): string {
  const pattern = shorten(context.getPattern());
  return `The handler of "${pattern}" failed on "${shorten(context.getChannel())}": ${reason}`;
}

/** The reasons of a `ValidationPipe` or a guard, without a stack. */
function reasonsOf(error: HttpException): string {
  try {
    const response: unknown = error.getResponse();
    const reasons = isRecord(response) ? response.message : response;
    return `${messageOf(error.name)}: ${messageOf([reasons].flat().join('; '))}`;
  } catch {
    return messageOf(error);
  }
}
