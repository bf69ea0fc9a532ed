import {
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ServerRedis } from '@nestjs/microservices';
import { checkBoolean } from '../options/option-checks.js';
import type { RedisPubSubModuleOptions } from '../options/options.js';
import { assertOptionsObject, type ResolvedOptions } from '../options/resolve-options.js';
import { isPubSubServer, RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { ControllerServers, type ControllerServer } from './controller-servers.js';
import { HandlerExplorer } from './handler-explorer.js';
import { findDuplicates, namesWithModules, type FoundHandler } from './handler-names.js';
import { placeModule } from './nest-internals.js';
import { callReadyHooks } from './ready-hooks.js';
import {
  BusHolder,
  optionsOfModules,
  RedisPubSubCoreModule,
  RESOLVED_OPTIONS,
  serversOfModules,
  type AsyncModuleOptions,
} from './redis-pubsub-core.module.js';
import { isSameRedis } from './same-redis.js';
import { isPubSubService, RedisPubSubService } from './redis-pubsub.service.js';
import { OutsideLogger } from '../transport/outside-logger.js';

interface ModuleExtras {
  /**
   * Whether every module can inject the server, the client and the service. Then it need not import this one. An
   * argument of `forRoot` and `forRootAsync`; in the result of a factory it is an error.
   *
   * @defaultValue `false`
   */
  isGlobal?: boolean;
}

/**
 * Provides `RedisPubSubServer`, `RedisPubSubClient`, `RedisPubSubService` and `RedisPubSubHealthIndicator` over one
 * pair of connections, and runs the decorated handlers of controllers and providers.
 *
 * If the application connects the module's server itself, Nest runs it, and the module adds the handlers in
 * providers. If the application connects a `RedisPubSubServer` that it created, with the same
 * `transportId`, that server has the handlers in controllers. So no handler runs twice for one message,
 * with one exception. A controller's handler that names no transport also runs for another transport on the
 * same Redis; a warning is logged.
 */
@Module({ providers: [HandlerExplorer] })
export class RedisPubSubModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new OutsideLogger(RedisPubSubModule.name);
  #isStarted = false;
  @Inject(BusHolder) private readonly holder!: BusHolder;
  @Inject(RESOLVED_OPTIONS) private readonly options!: ResolvedOptions;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly explorer: HandlerExplorer,
    private readonly server: RedisPubSubServer,
    private readonly service: RedisPubSubService,
  ) {
    // The last module to start, when all handlers are known; the first to stop, while all can still run.
    placeModule(modules, RedisPubSubModule, 'outermost');
  }

  /** The module with these options. Throws `InvalidOptionError` for a wrong one. */
  static forRoot(options: RedisPubSubModuleOptions & ModuleExtras = {}): DynamicModule {
    assertOptionsObject(options);
    const { isGlobal, ...own } = options;
    return wrap(RedisPubSubCoreModule.forRoot(own), isGlobal);
  }

  /** The module with options from `useFactory`, `useClass` or `useExisting`. */
  static forRootAsync(options: AsyncModuleOptions & ModuleExtras): DynamicModule {
    return wrap(RedisPubSubCoreModule.forRootAsync(options), options.isGlobal);
  }

  async onApplicationBootstrap(): Promise<void> {
    // With `deferInitialization` Nest calls this for each microservice, too.
    if (this.#isStarted) return;
    this.#isStarted = true;
    try {
      await this.#start();
    } catch (error) {
      await this.holder.bus.close();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    // A test may have overridden the provider with any value.
    const { service } = this;
    const drained = isPubSubService(service) && service.drain();
    await Promise.all([this.server.drain(), drained]);
  }

  async #start(): Promise<void> {
    const connected = this.explorer.connectedServers();
    const isConnected = connected.includes(this.server);
    if (!this.options.handlers) {
      if (isConnected) this.#watchServers(connected);
      return;
    }
    this.explorer.bindProviders(this.server);
    this.#warnOfDuplicates();
    await this.#callHooksWhenReady(connected);
    const bindsControllers = !connected.some((server) => this.#hasControllers(server));
    this.#watchServers(bindsControllers ? [this.server, ...connected] : connected);
    if (isConnected) return;
    if (bindsControllers) this.explorer.bindControllers(this.server);
    this.server.completeHandlers();
    await new Promise<void>((resolve, reject) => {
      this.server.listen((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Subscribes the handlers of a server that listens already, which also makes it ready. */
  async #callHooksWhenReady(connected: readonly unknown[]): Promise<void> {
    const others = connected.filter((server) => this.#hasControllers(server));
    const servers = [this.server, ...others];
    const ready = new Set<RedisPubSubServer>();
    for (const server of servers) {
      await server.onReady(async () => {
        ready.add(server);
        if (ready.size < servers.length) return;
        await callReadyHooks(this.modules, this.options.transportId);
      });
    }
  }

  /** Whether this is a server that the application created, with the same transport id: it has the handlers in controllers. */
  #hasControllers(server: unknown): server is RedisPubSubServer {
    return this.#isForeign(server) && server.transportId === this.server.transportId;
  }

  /** Warns if the servers that take the handlers in controllers are two, at this time or later. */
  #watchServers(servers: readonly unknown[]): void {
    const known = new ControllerServers(this.#logger, (id) => this.explorer.handlersFor(id));
    const add = (added: readonly unknown[]): void =>
      known.add(added.filter((server) => this.#sharesControllers(server)));
    add(servers);
    this.explorer.onServer((server) => add([server]));
  }

  /** Another module warns of the handlers that its own server runs as well. */
  #sharesControllers(server: unknown): server is ControllerServer {
    if (server === this.server) return true;
    return isPubSubServer(server) ? this.#isForeign(server) : server instanceof ServerRedis;
  }

  /** Nest creates an object of a class for each module that registers it, and each object handles every event. */
  #warnOfDuplicates(): void {
    const handlers = this.explorer.handlersFor(this.server.transportId);
    for (const { name, methods, count, places } of findDuplicates(handlers)) {
      this.#logger.warn(
        `${methods} runs ${count} times for each event: ${name} is in ${places}. Register it in one module, and export it there; use useExisting for another token`,
      );
    }
    this.#warnOfOtherModules();
  }

  #warnOfOtherModules(): void {
    const same = optionsOfModules(this.modules).filter(
      (options) => options.handlers && isSameRedis(options, this.options),
    );
    // The first of these modules speaks for all.
    if (same.length < 2 || same[0] !== this.options) return;
    const found = this.#handlersForAll();
    if (found.length === 0) return;
    this.#logger.warn(
      `${same.length} RedisPubSubModules are on the same Redis with the same prefix: handlers that name no transport run once in each: ${namesWithModules(found)}. Name the transportId of a module in their decorators, as in @EventPattern('x', REDIS_PUBSUB)`,
    );
  }

  #handlersForAll(): FoundHandler[] {
    const handlers = this.explorer.handlersFor(this.server.transportId);
    return handlers.filter(({ isForAll }) => isForAll);
  }

  /** Whether the application created a server itself. */
  #isForeign(server: unknown): server is RedisPubSubServer {
    return isPubSubServer(server) && !serversOfModules(this.modules).includes(server);
  }
}

function wrap(core: DynamicModule, isGlobal = false): DynamicModule {
  checkBoolean('isGlobal', isGlobal);
  return { module: RedisPubSubModule, global: isGlobal, imports: [core], exports: [core] };
}
