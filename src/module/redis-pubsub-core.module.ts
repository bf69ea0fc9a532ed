import {
  ConfigurableModuleBuilder,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors.js';
import { resolveModuleOptions, type RedisPubSubModuleOptions } from '../options/options.js';
import { MessageBus } from '../transport/message-bus.js';
import { RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { placeModule } from './module-order.js';
import { RedisPubSubService } from './redis-pubsub.service.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RedisPubSubModuleOptions>().setClassMethodName('forRoot').build();

/**
 * The connections of the module and what shares them. First to start and last to stop, since
 * services publish while they start up and while they shut down.
 */
@Module({
  providers: [
    {
      provide: MessageBus,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: RedisPubSubModuleOptions) =>
        new MessageBus(resolveModuleOptions(options)),
    },
    {
      provide: RedisPubSubServer,
      inject: [MODULE_OPTIONS_TOKEN, MessageBus],
      useFactory: (options: RedisPubSubModuleOptions, bus: MessageBus) =>
        new RedisPubSubServer(options, bus),
    },
    {
      provide: RedisPubSubClient,
      inject: [MODULE_OPTIONS_TOKEN, MessageBus],
      useFactory: (options: RedisPubSubModuleOptions, bus: MessageBus) =>
        new RedisPubSubClient(options, bus),
    },
    {
      provide: RedisPubSubService,
      inject: [MessageBus],
      useFactory: (bus: MessageBus) => new RedisPubSubService(bus),
    },
  ],
  exports: [
    MODULE_OPTIONS_TOKEN,
    MessageBus,
    RedisPubSubServer,
    RedisPubSubClient,
    RedisPubSubService,
  ],
})
export class RedisPubSubCoreModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  constructor(
    private readonly modules: ModulesContainer,
    private readonly bus: MessageBus,
    private readonly client: RedisPubSubClient,
    private readonly server: RedisPubSubServer,
  ) {
    super();
    placeModule(modules, RedisPubSubCoreModule, 'innermost');
  }

  async onModuleInit(): Promise<void> {
    this.#assertOnlyOne();
    try {
      await this.bus.start();
    } catch (error) {
      await this.bus.close();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    // A test may have put anything in its place.
    if (this.client instanceof RedisPubSubClient) await this.client.close();
    await this.bus.close();
  }

  /** Imported twice, the module would run every handler twice for one message. */
  #assertOnlyOne(): void {
    const ids = serversOfModules(this.modules).map(({ transportId }) => transportId);
    if (ids.filter((id) => id === this.server.transportId).length === 1) return;
    throw new InvalidOptionError(
      'transportId',
      'different in each RedisPubSubModule (to share one, import it once with isGlobal)',
      'the same twice',
    );
  }
}

/** The servers of all modules of this kind in an application. */
export function serversOfModules(modules: ModulesContainer): RedisPubSubServer[] {
  return [...modules.values()]
    .filter((module) => module.metatype === RedisPubSubCoreModule)
    .map((module) => module.getProviderByKey<RedisPubSubServer>(RedisPubSubServer).instance);
}
