import type { HttpException, Logger } from '@nestjs/common';
import { messageOf, shorten, textOf } from '../../errors.js';
import { isRecord } from '../../codec/envelope-codec.js';
import { RateLimitedLog } from '../../shared/rate-limited-log.js';
import { isHiddenByNest, isHttpException, isRpcException } from '../nest-internals.js';
import type { RedisPubSubContext } from '../redis-pubsub.context.js';

/** Is logged with the first rejection of each handler. */
const HINT =
  '. The caller of a request receives the reason if the exceptionFactory of a pipe returns an RpcException';

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
  readonly #logs = new Map<string, HandlerLogs>();

  constructor(logger: Pick<Logger, 'error' | 'warn'>) {
    this.#logger = logger;
  }

  /** `error` may be a value of any type. Never throws. */
  report(context: RedisPubSubContext, error: unknown): void {
    const logs = this.#logsOf(context.getPattern());
    const { failures, rejections } = logs;
    if (isHttpException(error)) {
      const hint = logs.isHinted ? '' : HINT;
      logs.isHinted = true;
      rejections.add(() => lineOf(context, reasonsOf(error) + hint));
    } else if (isHiddenByNest(error)) {
      rejections.add(() => lineOf(context, 'a filter has replaced the error'));
    } else {
      const thrown = isRpcException(error) ? error.getError() : error;
      failures.add(() => lineOf(context, textOf(thrown)));
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
      ),
      rejections: new RateLimitedLog(
        (line) => this.#logger.warn(line),
        (count) => `The handler of "${name}" rejected ${count} more messages`,
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
    const reasons = isRecord(response) ? response.message : response;
    return `${messageOf(error.name)}: ${messageOf([reasons].flat().join('; '))}`;
  } catch {
    return messageOf(error);
  }
}
