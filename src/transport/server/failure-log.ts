import type { HttpException, Logger } from '@nestjs/common';
import { messageOf, shorten, textOf } from '../../errors.js';
import { isRecord } from '../../codec/envelope-codec.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import {
  GUARD_REFUSAL,
  isHiddenByNest,
  isHttpException,
  isRpcException,
} from '../nest-internals.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';

/** Is logged with the first rejected request of each handler. An event has no caller. */
const HINT =
  '. The caller of a request receives the reason if the exceptionFactory of a pipe returns an RpcException';

/** The lines a second for all handlers together: one fault may make hundreds of handlers fail. */
const MAX_LINES_PER_SECOND = 50;

/** The limits of one handler: a flood of messages to one must not hide the failures of another. */
interface HandlerLogs {
  readonly failures: RateLimitedLog;
  /** What is not a fault of the handler does not hide one either. */
  readonly rejections: RateLimitedLog;
  isHinted: boolean;
}

/** Logs the failures of handlers with their channels. Publishers cause them, as often as they like. */
export class FailureLog {
  readonly #logger: Pick<Logger, 'error' | 'warn'>;
  readonly #failures = new RateLimitedLog(
    (line) => this.#logger.error(line),
    (count) => `Left out ${count} more lines about handlers that failed`,
    MAX_LINES_PER_SECOND,
  );
  /** Rejections must not hide failures. */
  readonly #rejections = new RateLimitedLog(
    (line) => this.#logger.warn(line),
    (count) => `Left out ${count} more lines about messages that were rejected`,
    MAX_LINES_PER_SECOND,
  );
  readonly #logs = new Map<string, HandlerLogs>();

  constructor(logger: Pick<Logger, 'error' | 'warn'>) {
    this.#logger = logger;
  }

  /** `error` may be a value of any type. `hasCaller` tells a request from an event. Never throws. */
  report(context: RedisPubSubContext, error: unknown, hasCaller = false): void {
    const logs = this.#logsOf(context.getPattern());
    const { failures, rejections } = logs;
    if (isHttpException(error)) {
      const hint = hasCaller && !logs.isHinted ? HINT : '';
      logs.isHinted ||= hasCaller;
      rejections.add(() => lineOf(context, reasonsOf(error) + hint));
    } else if (isHiddenByNest(error)) {
      rejections.add(() => lineOf(context, 'a filter has replaced the error'));
    } else {
      const thrown = isRpcException(error) ? error.getError() : error;
      if (thrown === GUARD_REFUSAL) rejections.add(() => lineOf(context, GUARD_REFUSAL));
      else failures.add(() => lineOf(context, textOf(thrown)));
    }
  }

  #logsOf(pattern: string): HandlerLogs {
    const known = this.#logs.get(pattern);
    if (known) return known;
    const name = shorten(pattern);
    const logs = {
      isHinted: false,
      failures: new RateLimitedLog(
        (line) => this.#logger.error(line),
        (count) => `The handler of "${name}" failed ${count} more times`,
        undefined,
        this.#failures,
      ),
      rejections: new RateLimitedLog(
        (line) => this.#logger.warn(line),
        (count) => `The handler of "${name}" rejected ${count} more messages`,
        undefined,
        this.#rejections,
      ),
    };
    this.#logs.set(pattern, logs);
    return logs;
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
    const reasons = isRecord(response) ? (response.message ?? response) : response;
    const texts = [reasons].flat().map(reasonOf);
    return `${messageOf(error.name)}: ${messageOf(texts.join('; '))}`;
  } catch {
    return messageOf(error);
  }
}

/** One reason: text, an object with a text of its own, such as a `ValidationError`, or any other object. */
function reasonOf(reason: unknown): string {
  const text = String(reason);
  return text === '[object Object]' ? textOf(reason) : text;
}
