import type { Logger } from '@nestjs/common';
import { inspect } from 'node:util';
import { shorten } from '../errors.js';
import type { RedisPubSubContext } from './redis-pubsub.context.js';
import { INTERNAL_ERROR } from './responder.js';

/** Nest has logged the error itself, or thought that it was none worth logging. */
const HINT =
  'Nest logs why, unless it was an HttpException, as a ValidationPipe throws: have its exceptionFactory make an RpcException';

/** Logs what a handler failed with (anything at all), and where: Nest's own line, if there is one, names no channel. */
export function reportFailure(
  logger: Pick<Logger, 'error' | 'warn'>,
  context: RedisPubSubContext,
  error: unknown,
): void {
  const where = `The handler of "${shorten(context.getPattern())}" failed on "${shorten(context.getChannel())}"`;
  if (isHiddenByNest(error)) logger.warn(`${where}. ${HINT}`);
  else logger.error(`${where}: ${textOf(error)}`);
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
