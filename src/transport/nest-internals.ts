/**
 * Every place where the transport reaches into parts of `@nestjs/microservices` that are not public, read in
 * 11.1 and 12.1. Each has a test against the supported versions.
 */
import { HttpException, type ArgumentsHost } from '@nestjs/common';
import {
  BaseRpcExceptionFilter,
  RpcException,
  Server,
  type MsPattern,
} from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import { RedisPubSubContext, recordThrown } from './redis-pubsub.context.js';

/** Returns Nest's normalised form of a pattern. `Server#normalizePattern` is protected. */
export function normalizePattern(pattern: unknown): string {
  const nest = Server.prototype as unknown as { normalizePattern(pattern: MsPattern): string };
  return nest.normalizePattern(pattern as MsPattern);
}

/** The reply for an error that its caller must not see. The words are those of Nest's `BaseRpcExceptionFilter`. */
export const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' } as const;

/**
 * Whether an error is the one by which Nest's exception filter replaces every error but an `RpcException`. False
 * for a value that cannot be read.
 */
export function isHiddenByNest(error: unknown): boolean {
  try {
    return (
      typeof error === 'object' &&
      error !== null &&
      !(error instanceof Error) &&
      Reflect.get(error, 'status') === INTERNAL_ERROR.status &&
      Reflect.get(error, 'message') === INTERNAL_ERROR.message
    );
  } catch {
    return false;
  }
}

/** Whether an error is for the caller of a request. False for a value that cannot be read. */
export function isRpcException(error: unknown): error is RpcException {
  return isInstance(error, RpcException);
}

/** Whether an error rejects a message, such as that of a `ValidationPipe`. False for a value that cannot be read. */
export function isHttpException(error: unknown): error is HttpException {
  return isInstance(error, HttpException);
}

/** The traps of a `Proxy` may throw. */
function isInstance(value: unknown, type: abstract new (...args: never) => unknown): boolean {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

type NestFilter = BaseRpcExceptionFilter & {
  handleUnknownError(error: unknown, status: string): Observable<never>;
};

const nestFilter = BaseRpcExceptionFilter.prototype as NestFilter;
let isCapturing = false;

/**
 * Makes Nest's filter record the errors of handlers of this transport in the contexts of their messages. Nest
 * would log each of them in full, as often as publishers like, and pass another error on. Handlers of
 * other transports, and filters that handle unknown errors themselves, are not affected. Idempotent.
 */
export function captureHandlerErrors(): void {
  if (isCapturing) return;
  isCapturing = true;
  const { catch: handle, handleUnknownError } = nestFilter;
  nestFilter.catch = function capture(this: NestFilter, error: unknown, host: ArgumentsHost) {
    const context = contextOf(host);
    const isNests = this.handleUnknownError === handleUnknownError;
    if (!context || !isNests) return handle.call(this, error, host);
    recordThrown(context, error);
    if (isRpcException(error)) return handle.call(this, error, host);
    return throwError(() => ({ ...INTERNAL_ERROR }));
  };
}

/** The context of a message of this transport. The tests of an application may pass any host. */
function contextOf(host: Partial<ArgumentsHost> | undefined): RedisPubSubContext | undefined {
  const context: unknown = host?.getArgByIndex?.(1);
  return context instanceof RedisPubSubContext ? context : undefined;
}
