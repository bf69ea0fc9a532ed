/**
 * Every place where the transport reaches into parts of `@nestjs/microservices` that are not public, read in
 * 11.1 and 12.1. Each has a test against the supported versions.
 */
import { HttpException, type ArgumentsHost, type Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import {
  BaseRpcExceptionFilter,
  EventPattern,
  NestMicroservice,
  RpcException,
  Server,
  type MsPattern,
} from '@nestjs/microservices';
import { throwError } from 'rxjs';
import { RedisPubSubContext, recordThrown } from './redis-pubsub.context.js';
import { isError } from '../shared/is-error.js';

/** Returns Nest's normalised form of a pattern. `Server#normalizePattern` is protected. */
export function normalizePattern(pattern: unknown): string {
  const nest = Server.prototype as unknown as { normalizePattern(pattern: MsPattern): string };
  return nest.normalizePattern(pattern as MsPattern);
}

/** The reply for an error that its caller must not see. The words are those of Nest's `BaseRpcExceptionFilter`. */
export const INTERNAL_ERROR = { status: 'error', message: 'Internal server error' } as const;

/** What Nest throws, in an `RpcException`, when a guard returns false. */
export const GUARD_REFUSAL = 'Forbidden resource';

/**
 * Whether an error is the one by which Nest's exception filter replaces every error but an `RpcException`. False
 * for a value that cannot be read.
 */
export function isHiddenByNest(error: unknown): boolean {
  try {
    return (
      typeof error === 'object' &&
      error !== null &&
      !isError(error) &&
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
/** A decorated method of an application. */
export interface DecoratedMethod {
  /** Its class and its method: `UserEvents.onUser`. */
  readonly name: string;
  readonly patterns: readonly unknown[];
  /** The options of its decorators: an object that no other method has. */
  readonly extras: unknown;
}

/** A server that is told when Nest has registered the handlers of an application. */
type MethodsServer = abstract new (...args: never) => {
  checkMethods(methods: readonly DecoratedMethod[]): void;
};

/**
 * Changes Nest where it has no hook for what this transport promises; `servers` is the class of its servers.
 * Idempotent.
 */
export function extendNest(servers: MethodsServer): void {
  if (isExtended) return;
  isExtended = true;
  captureHandlerErrors();
  watchRegistrations(servers);
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
  if (isError(error)) extrasOfFailures.set(error, extras);
}

/**
 * Puts class and method after the message of an error that {@link attributeToHandler} has seen, and shows a server of
 * this copy of the package the methods of the application.
 */
function watchRegistrations(servers: MethodsServer): void {
  const nest = NestMicroservice.prototype;
  const registerListeners = Reflect.get(nest, 'registerListeners');
  nest.registerListeners = function register(this: NestMicroservice) {
    const container = this['container'];
    try {
      registerListeners.call(this);
    } catch (error) {
      const isMeant = isError(error) ? methodOfFailure(error) : undefined;
      const method = isMeant && decoratedMethods(container).find(isMeant);
      if (method) extendMessage(error as Error, ` (in the decorator of ${method.name})`);
      throw error;
    }
    const server: unknown = Reflect.get(this, 'serverInstance');
    if (server instanceof servers) server.checkMethods(decoratedMethods(container));
  };
}

/** Which method an error is about. Nest itself fails at a symbol, before it registers the handler. */
function methodOfFailure(error: Error): ((method: DecoratedMethod) => boolean) | undefined {
  const extras = extrasOfFailures.get(error);
  if (extras) return (method) => method.extras === extras;
  if (!error.message.startsWith('Cannot convert a Symbol')) return undefined;
  return ({ patterns }) => patterns.some((it) => typeof it === 'symbol');
}

/** The methods of the controllers, each once, also if its class is in several modules. */
function decoratedMethods(container: NestMicroservice['container']): DecoratedMethod[] {
  const modules = [...container.getModules().values()];
  const types = new Set(
    modules.flatMap(({ controllers }) => [...controllers.values()].map(typeOf)),
  );
  return [...types].flatMap((type) =>
    new MetadataScanner().getAllMethodNames(type.prototype).flatMap((method) => {
      const callback = Reflect.get(type.prototype, method) as object;
      const patterns: unknown = Reflect.getMetadata(PATTERNS_KEY, callback);
      if (!Array.isArray(patterns)) return [];
      const extras: unknown = Reflect.getMetadata(EXTRAS_KEY, callback);
      return [{ name: `${type.name}.${method}`, patterns, extras }];
    }),
  );
}

/** The class of a controller, or of a provider that takes the place of one: it may come from a factory. */
function typeOf({ instance, metatype }: { instance: object; metatype: unknown }): Type<object> {
  return (instance?.constructor ?? metatype) as Type<object>;
}

/** The metadata keys of patterns and options. Nest exports no names for them. */
const [PATTERNS_KEY, EXTRAS_KEY] = metadataKeys();

function metadataKeys(): [patterns: string, extras: string] {
  const method = class {};
  EventPattern<string>('pattern', { extra: true })({}, 'method', { value: method });
  const keys = Reflect.getMetadataKeys(method) as string[];
  const keyOf = (isMeant: (value: object) => boolean): string =>
    keys.find((key) => isMeant(Object(Reflect.getMetadata(key, method)) as object)) ?? '';
  return [keyOf((value) => Array.isArray(value)), keyOf((value) => 'extra' in value)];
}

/** V8 keeps the first message in the stack. */
function extendMessage(error: Error, text: string): void {
  const { message, stack } = error;
  error.message = message + text;
  if (typeof stack === 'string') error.stack = stack.replace(message, () => error.message);
}
