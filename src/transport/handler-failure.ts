import type { Logger } from '@nestjs/common';
import { inspect } from 'node:util';
import { shorten } from '../errors.js';
import type { RedisPubSubContext } from './redis-pubsub.context.js';
import { INTERNAL_ERROR } from './responder.js';

/** Logs what a handler failed with, and where: Nest's own line, if there is one, names no channel. */
export function reportFailure(
  logger: Pick<Logger, 'error' | 'warn'>,
  context: RedisPubSubContext,
  error: unknown,
): void {
  const where = `The handler of "${shorten(context.getPattern())}" failed on "${shorten(context.getChannel())}"`;
  // Nest has logged the error itself, or thought that it was none worth logging.
  if (isHiddenByNest(error)) logger.warn(where);
  else logger.error(`${where}: ${textOf(error)}`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? String(error.stack) : inspect(error, { breakLength: Infinity });
}

/** Nest's exception filter passes only this on of whatever is no `RpcException`. */
function isHiddenByNest(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    !(error instanceof Error) &&
    Reflect.get(error, 'status') === INTERNAL_ERROR.status &&
    Reflect.get(error, 'message') === INTERNAL_ERROR.message
  );
}
