import { Inject, Injectable, type Type } from '@nestjs/common';
import {
  ApplicationConfig,
  GraphInspector,
  MetadataScanner,
  ModuleRef,
  ModulesContainer,
} from '@nestjs/core';
import { NestMicroservice } from '@nestjs/microservices';
import { InvalidOptionError } from '../errors.js';
import type { RedisPubSubModuleOptions } from '../options/options.js';
import { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { ENHANCER_KEYS, isHandler, namesTransport, parameterPipes } from './nest-metadata.js';
import { MODULE_OPTIONS_TOKEN } from './redis-pubsub-core.module.js';

type Container = ModuleRef['container'];
type NestModule = ModulesContainer extends Map<string, infer Module> ? Module : never;
type Wrapper = NestModule['providers'] extends Map<unknown, infer W> ? W : never;

/**
 * Finds the decorated methods of an application and gives them to a server, each with its pipes,
 * guards, interceptors and filters.
 *
 * Nest does this itself for controllers. So that providers get exactly the same, Nest's own code
 * is run over a view of the application in which the providers stand where the controllers do.
 */
@Injectable()
export class HandlerExplorer {
  readonly #container: Container;
  readonly #inheritAppConfig: boolean;
  readonly #scanner = new MetadataScanner();

  constructor(
    moduleRef: ModuleRef,
    @Inject(MODULE_OPTIONS_TOKEN) { inheritAppConfig = true }: RedisPubSubModuleOptions,
  ) {
    this.#container = moduleRef['container'];
    this.#inheritAppConfig = inheritAppConfig;
  }

  /** Registers the handlers in controllers. */
  bindControllers(server: RedisPubSubServer): void {
    this.#bind(this.#container, server);
  }

  /** Registers the handlers in providers. Throws for a provider whose handlers could not work as written. */
  bindProviders(server: RedisPubSubServer): void {
    this.#bind(this.#withProvidersAsControllers(), server);
  }

  /** The servers that the application itself connected, of this transport and of others. */
  connectedServers(): unknown[] {
    const servers: unknown[] = [];
    const targets$ = this.#container.getModules().getRpcTargetRegistry<unknown>();
    // The registry replays what it has, at once.
    targets$.subscribe((target) => servers.push(target)).unsubscribe();
    return servers;
  }

  /** Whether a controller has handlers that name no transport, so that every transport serves them. */
  hasControllersForAll(): boolean {
    const classes = [...this.#controllerClasses()] as { readonly prototype: object }[];
    const methods = classes.flatMap(({ prototype }) => this.#methods(prototype));
    return methods.some((method) => isHandler(method) && !namesTransport(method));
  }

  /** Calls back for each server that the application connects from now on. */
  onServer(listener: (server: unknown) => void): void {
    const known = new Set(this.connectedServers());
    const targets$ = this.#container.getModules().getRpcTargetRegistry<unknown>();
    targets$.subscribe((target) => known.has(target) || listener(target));
  }

  #bind(container: Container, server: RedisPubSubServer): void {
    const inherited = this.#inheritAppConfig ? this.#container.applicationConfig : undefined;
    const config = inherited ?? new ApplicationConfig();
    const inspector = new GraphInspector(this.#container);
    new NestMicroservice(container, { strategy: server }, inspector, config).registerListeners();
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

  /** What Nest made of classes: a factory or a value may hand the same instances out under other tokens. */
  #instancesOfClasses(): Set<unknown> {
    const modules = [...this.#container.getModules().values()];
    const wrappers = modules.flatMap(({ providers }) => [...providers.values()]);
    return new Set(wrappers.filter((it) => !it.isNotMetatype).map(({ instance }) => instance));
  }

  /** Of a class that is a provider, too, the controller hears: as with Nest's own transports. */
  #controllerClasses(): Set<unknown> {
    const modules = [...this.#container.getModules().values()];
    return new Set(modules.flatMap((it) => [...it.controllers.values()]).map((it) => it.metatype));
  }

  /** `bound`: instances that are bound without this. */
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

  /** Nest adds these to controllers alone; without them a request-scoped APP_GUARD would be skipped. */
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
    if (isMadeForEachMessage(wrapper)) {
      throw new InvalidOptionError(
        name,
        'registered by its class, to handle messages with an instance for each',
        'a request-scoped factory',
      );
    }
    const unknown = this.#enhancers(wrapper).find((it) => !module.injectables.has(it));
    if (unknown) {
      // Nest knows the guards and pipes of a class only if the class itself is registered, and
      // skips what it does not know: without a word, a guard would not guard.
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

/** Of a factory that is yet to make something its token may say what that is. */
function prototypeOf(wrapper: Wrapper): object | null {
  const { instance, token } = wrapper as { instance: unknown; token: unknown };
  if (typeof instance === 'object' && instance !== null) {
    return Object.getPrototypeOf(instance) as object | null;
  }
  const isClass = typeof token === 'function' && isMadeForEachMessage(wrapper);
  return isClass ? (token.prototype as object | null) : null;
}

function isMadeForEachMessage(wrapper: Wrapper): boolean {
  return wrapper.isFactory && !wrapper.isDependencyTreeStatic();
}

/** Where Nest keeps what a wrapper depends on. */
const DEPENDENCIES = Symbol.for('instance_metadata:cache');

/**
 * A view of a provider that has more enhancers. The provider itself stays as it is: of one that needs an
 * instance for each message Nest would not call the hooks of a shutdown.
 */
function withEnhancers(wrapper: Wrapper, enhancers: readonly Wrapper[]): Wrapper {
  if (enhancers.length === 0) return wrapper;
  const dependencies = Reflect.get(wrapper, DEPENDENCIES) as object;
  const own = [...(wrapper.getEnhancersMetadata() ?? [])];
  const unknown = { value: undefined, writable: true };
  const view = Object.create(wrapper, {
    [DEPENDENCIES]: { value: { ...dependencies, enhancers: own } },
    isTreeStatic: unknown,
    isTreeDurable: unknown,
    isTreeIntrospected: unknown,
  }) as Wrapper;
  for (const enhancer of enhancers) view.addEnhancerMetadata(enhancer);
  return view;
}

/** Providers as Nest looks controllers up: by their token, or by their class. */
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
