import { Inject, Injectable, type Type } from '@nestjs/common';
import { MetadataScanner, ModuleRef, ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import {
  containerOf,
  ENHANCER_KEYS,
  isHandler,
  onConnectedServer,
  parameterPipes,
  registerHandlers,
  withEnhancers,
  type Container,
  type NestModule,
  type Wrapper,
} from './nest-internals.js';
import { findHandlers, type FoundHandler } from './handler-names.js';
import { RESOLVED_OPTIONS } from './redis-pubsub-core.module.js';

/**
 * Finds the decorated methods of an application and registers them with a server, each with its pipes,
 * guards, interceptors and filters.
 *
 * Nest does this for controllers. Nest's own code runs over a view of the application in which the
 * providers take the place of the controllers. So providers get exactly the same.
 */
@Injectable()
export class HandlerExplorer {
  readonly #container: Container;
  readonly #inheritAppConfig: boolean;
  readonly #scanner = new MetadataScanner();

  constructor(moduleRef: ModuleRef, @Inject(RESOLVED_OPTIONS) options: ResolvedOptions) {
    this.#container = containerOf(moduleRef);
    this.#inheritAppConfig = options.inheritAppConfig;
  }

  /** Registers the handlers in controllers. */
  bindControllers(server: RedisPubSubServer): void {
    this.#bind(this.#container, server);
  }

  /** Registers the handlers in providers. Throws for a provider whose handlers could not work as written. */
  bindProviders(server: RedisPubSubServer): void {
    this.#bind(this.#withProvidersAsControllers(), server);
  }

  /** The servers that the application has connected itself, of this transport and of others. */
  connectedServers(): unknown[] {
    const servers: unknown[] = [];
    onConnectedServer(this.#container, (server) => servers.push(server)).unsubscribe();
    return servers;
  }

  /** Calls `listener` with each server that the application connects from now on. */
  onServer(listener: (server: unknown) => void): void {
    const known = new Set(this.connectedServers());
    onConnectedServer(this.#container, (server) => known.has(server) || listener(server));
  }

  /** The handlers that a server with this transport id takes. */
  handlersFor(transportId: unknown): FoundHandler[] {
    return findHandlers(this.#container).filter(
      ({ isForAll, transport }) => isForAll || transport === transportId,
    );
  }

  #bind(container: Container, server: RedisPubSubServer): void {
    const config = this.#inheritAppConfig ? this.#container.applicationConfig : undefined;
    registerHandlers(container, server, config, ({ name, patterns, extras }) => {
      for (const pattern of patterns) server.checkPattern(pattern, extras, name);
    });
  }

  #withProvidersAsControllers(): Container {
    const modules = new ModulesContainer();
    const bound = this.#instancesOfClasses();
    const controllers = this.#controllerClasses();
    for (const [key, module] of this.#container.getModules()) {
      const wrappers = this.#handlersAmong(module, bound).filter(
        ({ metatype }) => !controllers.has(metatype),
      );
      const value = new ProviderMap(wrappers);
      modules.set(key, Object.create(module, { controllers: { value } }) as NestModule);
    }
    return Object.create(this.#container, {
      getModules: { value: () => modules },
      getModuleByKey: { value: (key: string) => modules.get(key) },
    }) as Container;
  }

  /** The instances that Nest created from classes. A factory or a value may provide them under other tokens, too. */
  #instancesOfClasses(): Set<unknown> {
    const modules = [...this.#container.getModules().values()];
    const wrappers = modules.flatMap(({ providers }) => [...providers.values()]);
    return new Set(wrappers.filter((it) => !it.isNotMetatype).map(({ instance }) => instance));
  }

  /** A class that is a controller and a provider handles as a controller, as in Nest's own transports. */
  #controllerClasses(): Set<unknown> {
    const modules = [...this.#container.getModules().values()];
    return new Set(modules.flatMap((it) => [...it.controllers.values()]).map((it) => it.metatype));
  }

  /** `bound` has the instances that are registered already. */
  #handlersAmong(module: NestModule, bound: Set<unknown>): Wrapper[] {
    const wrappers = [...module.providers.values()].filter((wrapper) => {
      if (!this.#hasHandlers(wrapper)) return false;
      if (!wrapper.isNotMetatype) return true;
      const isNew = !bound.has(wrapper.instance);
      bound.add(wrapper.instance);
      return isNew;
    });
    for (const wrapper of wrappers) this.#assertUsable(wrapper, module);
    const enhancers = this.#globalRequestEnhancers();
    return wrappers.map((wrapper) => withEnhancers(wrapper, enhancers));
  }

  /** Nest adds these to controllers alone. Without them a request-scoped APP_GUARD would be skipped. */
  #globalRequestEnhancers(): Wrapper[] {
    const config = this.#container.applicationConfig;
    if (!config || !this.#inheritAppConfig) return [];
    return [
      ...config.getGlobalRequestGuards(),
      ...config.getGlobalRequestInterceptors(),
      ...config.getGlobalRequestPipes(),
      ...config.getGlobalRequestFilters(),
    ];
  }

  #hasHandlers(wrapper: Wrapper): boolean {
    if (wrapper.isAlias) return false;
    const prototype = prototypeOf(wrapper);
    return prototype !== null && this.#methods(prototype).some((it) => isHandler(it));
  }

  #assertUsable(wrapper: Wrapper, module: NestModule): void {
    const name = String(wrapper.name);
    if (wrapper.isTransient) {
      throw new InvalidOptionError(
        name,
        'a singleton or request-scoped, to handle messages',
        'TRANSIENT',
      );
    }
    if (isCreatedPerMessage(wrapper)) {
      throw new InvalidOptionError(
        name,
        'registered by its class, to handle messages with an instance for each',
        'a request-scoped factory',
      );
    }
    const unknown = this.#enhancers(wrapper).find((it) => !module.injectables.has(it));
    if (unknown) {
      // Nest knows the guards and pipes of a class only if the class itself is registered. It skips the
      // others without an error, and a guard would not guard.
      throw new InvalidOptionError(
        name,
        `registered by its class, since Nest would skip its ${unknown.name}`,
        'a custom provider',
      );
    }
  }

  /** The guards, interceptors, pipes and filters that a provider names by their classes. */
  #enhancers(wrapper: Wrapper): Type[] {
    const prototype = Object.getPrototypeOf(wrapper.instance) as { constructor: object };
    const places = [prototype.constructor, ...this.#methods(prototype).filter(isHandler)];
    const decorated = places.flatMap((place) =>
      ENHANCER_KEYS.flatMap((key) => (Reflect.getMetadata(key, place) ?? []) as unknown[]),
    );
    const names = this.#scanner.getAllMethodNames(prototype);
    const pipes = names.flatMap((name) => parameterPipes(prototype.constructor, name));
    return [...decorated, ...pipes].filter((it): it is Type => typeof it === 'function');
  }

  #methods(prototype: object): object[] {
    const names = this.#scanner.getAllMethodNames(prototype);
    return names.map((name) => Reflect.get(prototype, name) as object);
  }
}

/** The prototype of a provider's instance. Before a request-scoped factory has run, its token may be the class. */
function prototypeOf(wrapper: Wrapper): object | null {
  const { instance, token } = wrapper as { instance: unknown; token: unknown };
  if (typeof instance === 'object' && instance !== null) {
    return Object.getPrototypeOf(instance) as object | null;
  }
  const isClass = typeof token === 'function' && isCreatedPerMessage(wrapper);
  return isClass ? (token.prototype as object | null) : null;
}

function isCreatedPerMessage(wrapper: Wrapper): boolean {
  return wrapper.isFactory && !wrapper.isDependencyTreeStatic();
}

/** Finds providers as Nest finds controllers: by their token, or by their class. */
class ProviderMap extends Map<unknown, Wrapper> {
  readonly #byClass = new Map<unknown, Wrapper>();

  constructor(wrappers: readonly Wrapper[]) {
    super();
    for (const wrapper of wrappers) {
      this.set(wrapper.token, wrapper);
      this.#byClass.set((wrapper.instance as object).constructor, wrapper);
    }
  }

  override get(key: unknown): Wrapper | undefined {
    return super.get(key) ?? this.#byClass.get(key);
  }
}
