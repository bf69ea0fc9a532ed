/**
 * Every place where the transport reaches into parts of `@nestjs/microservices` that are not public, read in
 * 11.1 and 12.1. Each has a test against the supported versions.
 */
import { HttpException, type ArgumentsHost, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import {
  BaseRpcExceptionFilter,
  NestMicroservice,
  RpcException,
  Server,
  type MsPattern,
} from '@nestjs/microservices';
import { throwError } from 'rxjs';
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

type NestFilter = BaseRpcExceptionFilter;

const nestFilter: NestFilter = BaseRpcExceptionFilter.prototype;
/** Changes Nest where it has no hook for what this transport promises. Idempotent. */
export function extendNest(): void {
  if (isExtended) return;
  isExtended = true;
  captureHandlerErrors();
  nameHandlersInErrors();
}

let isExtended = false;

/**
 * Makes Nest's filter record the errors of handlers of this transport in the contexts of their messages. Nest
 * would log each of them in full, as often as publishers like, and pass another error on. Handlers of
 * other transports, and filters that handle unknown errors themselves, are not affected.
 */
function captureHandlerErrors(): void {
  const handle = Reflect.get(nestFilter, 'catch');
  const handleUnknown: unknown = Reflect.get(nestFilter, 'handleUnknownError');
  nestFilter.catch = function capture(this: NestFilter, error: unknown, host: ArgumentsHost) {
    const context = contextOf(host);
    const isNests = Reflect.get(this, 'handleUnknownError') === handleUnknown;
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

/** The extras of the handler whose registration failed with an error. Each decorator creates an object of its own. */
const extrasOfFailures = new WeakMap<Error, object>();

/** Remembers which handler an error is about, so that the error of the start names its class and method. */
export function attributeToHandler(error: unknown, extras: object): void {
  if (error instanceof Error) extrasOfFailures.set(error, extras);
}

/** Puts class and method after the message of an error that {@link attributeToHandler} has seen. */
function nameHandlersInErrors(): void {
  const nest = NestMicroservice.prototype;
  const registerListeners = Reflect.get(nest, 'registerListeners');
  nest.registerListeners = function register(this: NestMicroservice) {
    try {
      registerListeners.call(this);
    } catch (error) {
      const isOfHandler = error instanceof Error ? handlerOfFailure(error) : undefined;
      const name = isOfHandler && nameOfHandler(this['container'], isOfHandler);
      if (name !== undefined) extendMessage(error as Error, ` (in the decorator of ${name})`);
      throw error;
    }
  };
}

/** Which method an error is about. Nest itself fails at a symbol, before it registers the handler. */
function handlerOfFailure(error: Error): ((method: object) => boolean) | undefined {
  const extras = extrasOfFailures.get(error);
  if (extras) return (method) => metadataOf(method).includes(extras);
  if (!error.message.startsWith('Cannot convert a Symbol')) return undefined;
  return (method) =>
    metadataOf(method).some((it) => Array.isArray(it) && it.some((one) => typeof one === 'symbol'));
}

function nameOfHandler(
  container: NestMicroservice['container'],
  isOfHandler: (method: object) => boolean,
): string | undefined {
  const scanner = new MetadataScanner();
  for (const { controllers } of container.getModules().values()) {
    for (const { metatype } of controllers.values()) {
      const { name, prototype } = metatype as Type<object>;
      const methods = scanner.getAllMethodNames(prototype);
      const method = methods.find((it) => isOfHandler(Reflect.get(prototype, it) as object));
      if (method !== undefined) return `${name}.${method}`;
    }
  }
  return undefined;
}

function metadataOf(method: object): unknown[] {
  return Reflect.getMetadataKeys(method).map((key): unknown => Reflect.getMetadata(key, method));
}

/** V8 keeps the first message in the stack. */
function extendMessage(error: Error, text: string): void {
  const { message, stack } = error;
  error.message = message + text;
  if (typeof stack === 'string') error.stack = stack.replace(message, () => error.message);
}
