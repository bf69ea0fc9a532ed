import {
  ConfigurableModuleBuilder,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { PubSubAcl } from '../acl/pub-sub-acl.js';
import { InvalidOptionError } from '../errors.js';
import { RedisPubSubHealthIndicator } from '../health/redis-pubsub-health.indicator.js';
import { InstanceResponder } from '../introspection/instance-responder.js';
import { PubSubInspector } from '../introspection/pub-sub-inspector.js';
import type { RedisPubSubModuleOptions } from '../options/options.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import { isPubSubClient, RedisPubSubClient } from '../transport/client/redis-pubsub.client.js';
import { addBrand, brandOf, brandValue, hasBrand } from '../shared/brand.js';
import { extendBuses } from '../transport/bus-extensions.js';
import { MessageBus } from '../transport/message-bus.js';
import { RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import { aliasProviders, registerCopy } from './copies.js';
import { placeModule } from './nest-internals.js';
import { RedisPubSubService } from './redis-pubsub.service.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<RedisPubSubModuleOptions>().setClassMethodName('forRoot').build();

/** What `forRootAsync` takes: `useFactory`, `useClass` or `useExisting`, with their dependencies. */
export type AsyncModuleOptions = typeof ASYNC_OPTIONS_TYPE;

/** The token of the module's options, checked. All copies of the package have it in common. */
export const RESOLVED_OPTIONS = brandOf('resolved-options');

const TOKENS = {
  RedisPubSubServer,
  RedisPubSubClient,
  RedisPubSubService,
  RedisPubSubHealthIndicator,
  PubSubInspector,
  PubSubAcl,
};
registerCopy(TOKENS);
extendBuses(InstanceResponder.create);

/** The mark of a core module, of this copy of the package or another: the token of its server. */
const SERVER_TOKEN = brandOf('server-token');

/**
 * Provides the bus of a module. The bus itself is no provider: NestJS Observe, and whatever else passes an
 * `instanceDecorator` to Nest, wraps each method of a provider, and would show those of the bus as spans.
 */
export class BusHolder {
  constructor(readonly bus: MessageBus) {}
}

const provideWithBus = <T>(create: new (bus: MessageBus) => T) => ({
  provide: create,
  inject: [BusHolder],
  useFactory: ({ bus }: BusHolder) => new create(bus),
});

/**
 * The connections of the module, and the providers that share them. It starts first and stops last, since
 * services publish while they start and while they stop.
 */
@Module({
  providers: [
    {
      provide: BusHolder,
      inject: [RESOLVED_OPTIONS],
      useFactory: (options: ResolvedOptions) => new BusHolder(new MessageBus(options)),
    },
    provideWithBus(RedisPubSubServer),
    provideWithBus(RedisPubSubClient),
    provideWithBus(RedisPubSubService),
    provideWithBus(RedisPubSubHealthIndicator),
    provideWithBus(PubSubInspector),
    provideWithBus(PubSubAcl),
  ],
  exports: [RESOLVED_OPTIONS, BusHolder, ...Object.values(TOKENS)],
})
export class RedisPubSubCoreModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationShutdown
{
  static {
    addBrand(this, SERVER_TOKEN, RedisPubSubServer);
  }

  constructor(
    private readonly modules: ModulesContainer,
    private readonly holder: BusHolder,
    private readonly client: RedisPubSubClient,
    private readonly server: RedisPubSubServer,
  ) {
    super();
    placeModule(modules, RedisPubSubCoreModule, 'innermost');
  }

  /** Throws `InvalidOptionError` for a wrong option. */
  static override forRoot(options: RedisPubSubModuleOptions): DynamicModule {
    const useValue = resolveOptions('RedisPubSubModule', options);
    return withAliases({
      module: RedisPubSubCoreModule,
      providers: [{ provide: RESOLVED_OPTIONS, useValue }],
    });
  }

  /** The factory's options are checked when Nest creates the module. */
  static override forRootAsync(options: AsyncModuleOptions): DynamicModule {
    const { providers = [], ...module } = super.forRootAsync(options);
    const resolved = {
      provide: RESOLVED_OPTIONS,
      inject: [MODULE_OPTIONS_TOKEN],
      // A factory without `return` gives nothing, which does not mean the defaults.
      useFactory: (given: RedisPubSubModuleOptions) =>
        resolveOptions('RedisPubSubModule', given ?? (null as never)),
    };
    return withAliases({ ...module, providers: [...providers, resolved] });
  }

  async onModuleInit(): Promise<void> {
    this.#assertSingle();
    try {
      await this.holder.bus.start();
    } catch (error) {
      await this.holder.bus.close();
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    // A test may have overridden the provider with any value.
    if (isPubSubClient(this.client)) await this.client.close();
    await this.holder.bus.close();
  }

  /** Two modules with one transport id would run every handler twice for each message. */
  #assertSingle(): void {
    const ids = serversOfModules(this.modules).map(({ transportId }) => transportId);
    if (ids.filter((id) => id === this.server.transportId).length === 1) return;
    throw new InvalidOptionError(
      'transportId',
      'different in each RedisPubSubModule (to share one, import it once with isGlobal)',
      'the same twice',
    );
  }
}

/** The servers of all `RedisPubSubModule`s of an application. */
export function serversOfModules(modules: ModulesContainer): RedisPubSubServer[] {
  return [...modules.values()].flatMap((module) => {
    const token = brandValue(module.metatype, SERVER_TOKEN) as typeof RedisPubSubServer | undefined;
    return token ? [module.getProviderByKey<RedisPubSubServer>(token).instance] : [];
  });
}

/** A library that has a copy of its own injects the classes of that copy. */
function withAliases(module: DynamicModule): DynamicModule {
  const aliases = aliasProviders(TOKENS);
  const { providers = [], exports = [] } = module;
  return {
    ...module,
    providers: [...providers, ...aliases],
    exports: [...exports, ...aliases.map(({ provide }) => provide)],
  };
}

/** The options of all `RedisPubSubModule`s of an application, in the order of {@link serversOfModules}. */
export function optionsOfModules(modules: ModulesContainer): ResolvedOptions[] {
  return [...modules.values()]
    .filter((module) => hasBrand(module.metatype, SERVER_TOKEN))
    .map((module) => module.getProviderByKey<ResolvedOptions>(RESOLVED_OPTIONS)?.instance)
    .filter((options) => options !== undefined);
}
