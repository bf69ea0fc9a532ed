import { MetadataScanner } from '@nestjs/core';
import {
  isHandler,
  namesTransport,
  transportOf,
  type Container,
  type Wrapper,
} from './nest-internals.js';

/** A decorated method of a controller or a provider. */
export interface FoundHandler {
  readonly type: { readonly name: string };
  readonly method: string;
  /** Its object. A class that is in two modules has one in each. */
  readonly instance: unknown;
  readonly module: string;
  readonly place: 'controllers' | 'providers';
  /** The transport that its decorator names, if it names one. */
  readonly transport: unknown;
  /** Whether it names none, so that every transport takes it. */
  readonly isForAll: boolean;
}

/** How many handlers a log line names. */
const MAX_NAMES = 5;

const scanner = new MetadataScanner();

/** Finds the decorated methods of an application. A class that is a controller, too, handles as a controller alone. */
export function findHandlers(container: Container): FoundHandler[] {
  const modules = [...container.getModules().values()];
  const controllers = modules.flatMap((module) =>
    [...module.controllers.values()].flatMap((it) => handlersOf(it, module.name, 'controllers')),
  );
  const types = new Set<unknown>(controllers.map(({ type }) => type));
  const providers = modules.flatMap((module) =>
    [...module.providers.values()]
      .filter((it) => !it.isAlias)
      .flatMap((it) => handlersOf(it, module.name, 'providers'))
      .filter(({ type }) => !types.has(type)),
  );
  return [...controllers, ...providers];
}

function handlersOf(
  { instance }: Wrapper,
  module: string,
  place: FoundHandler['place'],
): FoundHandler[] {
  if (typeof instance !== 'object' || instance === null) return [];
  const prototype = Object.getPrototypeOf(instance) as { constructor: FoundHandler['type'] } | null;
  if (!prototype) return [];
  return scanner
    .getAllMethodNames(prototype)
    .map((method) => ({ method, callback: Reflect.get(prototype, method) as object }))
    .filter(({ callback }) => isHandler(callback))
    .map(({ method, callback }) => ({
      type: prototype.constructor,
      method,
      instance,
      module,
      place,
      transport: transportOf(callback),
      isForAll: !namesTransport(callback),
    }));
}

/** A class of which several objects handle the same messages, in words for a log line. */
interface Duplicate {
  readonly name: string;
  readonly methods: string;
  readonly count: number;
  readonly places: string;
}

/** Finds the classes that an application has registered more than once. */
export function findDuplicates(handlers: readonly FoundHandler[]): Duplicate[] {
  const types = new Set(handlers.map(({ type }) => type));
  return [...types].flatMap((type) => {
    const own = handlers.filter((handler) => handler.type === type);
    const objects = new Map(own.map((handler) => [handler.instance, handler]));
    if (objects.size < 2) return [];
    const places = [...objects.values()].map(({ place, module }) => `the ${place} of ${module}`);
    const methods = listOf(own.map(({ method }) => `${type.name}.${method}`));
    return [{ name: type.name, methods, count: objects.size, places: places.join(' and in ') }];
  });
}

/** The names of handlers with their modules, such as `Orders.onOrder (ShopModule)`; of many, the first ones. */
export function namesWithModules(handlers: readonly FoundHandler[]): string {
  return listOf(handlers.map(({ type, method, module }) => `${type.name}.${method} (${module})`));
}

function listOf(all: readonly string[]): string {
  const names = [...new Set(all)];
  const more = names.length - MAX_NAMES;
  return names.slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
