import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { isPubSubClient, type RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import { isPubSubServer, type RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import {
  resolveTracingOptions,
  type PubSubTracingOptions,
  type ResolvedTracingOptions,
} from './options.js';
import { hasSdk } from './sdk.js';
import { tracePubSub } from './trace-pubsub.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<PubSubTracingOptions>().setClassMethodName('forRoot').build();

/**
 * Traces and measures the messages of an application with OpenTelemetry. It covers the servers and clients of all
 * modules, and the clients of `ClientsModule`. Import it once. Start the SDK before the
 * application is created: without one nothing is traced, and nothing is paid.
 *
 * `forRootAsync` takes its options from a factory. A wrong one fails the start with `InvalidOptionError`.
 *
 * Others, such as the strategy of `connectMicroservice`, are traced by `tracePubSub`.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/
 */
@Module({})
export class PubSubTracingModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  readonly #logger = new OutsideLogger(PubSubTracingModule.name);
  readonly #options: ResolvedTracingOptions;
  readonly #stops: (() => void)[] = [];

  constructor(
    private readonly modules: ModulesContainer,
    @Inject(MODULE_OPTIONS_TOKEN) options: PubSubTracingOptions,
  ) {
    super();
    // Those of a factory are not checked yet.
    this.#options = resolveTracingOptions(options);
  }

  /** The module with these options. Throws `InvalidOptionError` for a wrong one. */
  static override forRoot(options: PubSubTracingOptions = {}): DynamicModule {
    resolveTracingOptions(options);
    return super.forRoot(options);
  }

  onModuleInit(): void {
    if (!hasSdk()) {
      this.#logger.log(
        'Messages are not traced: no SDK of OpenTelemetry is registered. To trace them, start it before the application is created',
      );
      return;
    }
    for (const target of this.#targets()) this.#stops.push(tracePubSub(target, this.#options));
  }

  onApplicationShutdown(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #targets(): Set<RedisPubSubServer | RedisPubSubClient> {
    const wrappers = [...this.modules.values()].flatMap(({ providers }) => [...providers.values()]);
    // Of the others Nest has a prototype here, and creates instances later.
    const instances = wrappers
      .filter((wrapper) => !wrapper.isTransient && wrapper.isDependencyTreeStatic())
      .map(({ instance }): unknown => instance);
    return new Set(instances.filter((it) => isPubSubServer(it) || isPubSubClient(it)));
  }
}
