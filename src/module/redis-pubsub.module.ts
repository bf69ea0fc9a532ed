import {
  Inject,
  Logger,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ServerRedis } from '@nestjs/microservices';
import { checkBoolean } from '../options/option-checks.js';
import { resolveModuleOptions, type RedisPubSubModuleOptions } from '../options/options.js';
import { MessageBus } from '../transport/message-bus.js';
import { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { HandlerExplorer } from './handler-explorer.js';
import { placeModule } from './module-order.js';
import {
  MODULE_OPTIONS_TOKEN,
  RedisPubSubCoreModule,
  serversOfModules,
  type ASYNC_OPTIONS_TYPE,
} from './redis-pubsub-core.module.js';
import { RedisPubSubService } from './redis-pubsub.service.js';

interface ModuleExtras {
  /**
   * Whether every module can inject the server, client and service without importing this one.
   *
   * @default false
   */
  isGlobal?: boolean;
}

/**
 * Makes `RedisPubSubServer`, `RedisPubSubClient` and `RedisPubSubService` over one pair of
 * connections, and runs the decorated handlers of controllers and providers.
 *
 * If the application connects the module's server itself, Nest runs it, and the module adds the
 * handlers in providers. If it connects a `RedisPubSubServer` of its own making and of the same
 * `transportId`, controllers are that one's. So no handler runs twice for one message, unless it is in a
 * controller, names no transport, and another transport listens on the same Redis: a warning says so.
 */
@Module({ providers: [HandlerExplorer] })
export class RedisPubSubModule implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger(RedisPubSubModule.name);
  #isStarted = false;
  @Inject(MessageBus) private readonly bus!: MessageBus;
  @Inject(MODULE_OPTIONS_TOKEN) private readonly options!: RedisPubSubModuleOptions;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly explorer: HandlerExplorer,
    private readonly server: RedisPubSubServer,
    private readonly service: RedisPubSubService,
  ) {
    // The last to start, when all handlers are known; the first to stop, when all can still run.
    placeModule(modules, RedisPubSubModule, 'outermost');
  }

  /** The module with options at hand. */
  static forRoot(options: RedisPubSubModuleOptions & ModuleExtras = {}): DynamicModule {
    resolveModuleOptions(options);
    return wrap(RedisPubSubCoreModule.forRoot(options), options);
  }

  /** The module with options from `useFactory`, `useClass` or `useExisting`. */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE & ModuleExtras): DynamicModule {
    return wrap(RedisPubSubCoreModule.forRootAsync(options), options);
  }

  async onApplicationBootstrap(): Promise<void> {
    // With `deferInitialization` Nest calls this for each microservice as well.
    if (this.#isStarted) return;
    this.#isStarted = true;
    try {
      await this.#start();
    } catch (error) {
      await this.bus.close();
      throw error;
    }
  }

  async onModuleDestroy(): Promise<void> {
    // A test may have put anything in its place.
    const { service } = this;
    const drained = service instanceof RedisPubSubService && service.drain();
    await Promise.all([this.server.drain(), drained]);
  }

  async #start(): Promise<void> {
    if (this.options.handlers === false) return;
    const connected = this.explorer.connectedServers();
    this.explorer.bindProviders(this.server);
    if (connected.includes(this.server)) {
      if (this.server.isListening) await this.server.subscribeHandlers();
      return;
    }
    this.#bindControllers(connected);
    this.server.seal();
    await new Promise<void>((resolve, reject) => {
      this.server.listen((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** A server of the application's own making and of the same transport has the handlers in controllers. */
  #bindControllers(connected: readonly unknown[]): void {
    const isRival = (server: unknown): boolean =>
      this.#isForeign(server) && server.transportId === this.server.transportId;
    if (connected.some(isRival)) return;
    this.explorer.bindControllers(this.server);
    this.#warnOfTwins(connected);
    this.explorer.onServer((server) => this.#warnOfTwins([server]));
  }

  #warnOfTwins(servers: readonly unknown[]): void {
    const isBuiltIn = servers.some((server) => server instanceof ServerRedis);
    if (!isBuiltIn && !servers.some((server) => this.#isForeign(server))) return;
    if (!this.explorer.hasControllersForAll()) return;
    const twin = isBuiltIn ? 'Transport.REDIS' : 'another RedisPubSubServer';
    this.#logger.warn(
      `The application listens with ${twin} as well: handlers in controllers that name no transport run twice for each message, if that is on the same Redis`,
    );
  }

  /** Servers of other modules run what is theirs. */
  #isForeign(server: unknown): server is RedisPubSubServer {
    return server instanceof RedisPubSubServer && !serversOfModules(this.modules).includes(server);
  }
}

function wrap(core: DynamicModule, { isGlobal = false }: ModuleExtras): DynamicModule {
  checkBoolean('isGlobal', isGlobal);
  return { module: RedisPubSubModule, global: isGlobal, imports: [core], exports: [core] };
}
