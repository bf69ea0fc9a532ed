import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type DynamicModule,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors.js';
import { brandOf } from '../shared/brand.js';
import { OutsideLogger } from '../transport/outside-logger.js';
import {
  assertAsyncOptions,
  assertOptions,
  resolvePageOptions,
  resolveRoute,
  type InspectorRoute,
  type PubSubInspectorModuleAsyncOptions,
  type PubSubInspectorModuleOptions,
  type PubSubInspectorPageOptions,
} from './inspector-options.js';
import { createInspectorController } from './inspector.controller.js';
import { InspectorViews } from './inspector-views.js';

/** Makes providers of the page options. */
const { ConfigurableModuleClass: PageOptionsModule, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<PubSubInspectorPageOptions>().setClassMethodName('forRoot').build();

const ROUTE = brandOf('inspector-route');

/**
 * Serves a page that shows the fleet: instances, handlers, channels, patterns, rates, gaps and losses. It finds channels
 * that no subscriber hears, and instances that differ. It covers every `RedisPubSubModule` of the application. Express and
 * Fastify work.
 *
 * Each request must pass the `guard`. The application fails to start with `InvalidOptionError` without one, unless
 * `guard: false` says that everyone may read the page. It also does for another wrong option, for two pages at one
 * route, and without a `RedisPubSubModule`.
 *
 * @see https://docs.nestjs.com/guards
 */
@Module({})
export class PubSubInspectorModule implements OnModuleInit {
  readonly #logger = new OutsideLogger(PubSubInspectorModule.name);

  /** @internal */
  constructor(
    private readonly modules: ModulesContainer,
    private readonly views: InspectorViews,
    @Inject(ROUTE) private readonly route: InspectorRoute,
  ) {}

  /** The module with these options. Throws `InvalidOptionError` for a wrong one. */
  static forRoot(options: PubSubInspectorModuleOptions): DynamicModule {
    assertOptions(options);
    const { route, guard, imports, ...pageOptions } = options;
    resolvePageOptions(pageOptions);
    return withPage(PageOptionsModule.forRoot(pageOptions), { route, guard, imports });
  }

  /** The module with page options from `useFactory`, `useClass` or `useExisting`. Throws as {@link forRoot}. */
  static forRootAsync(options: PubSubInspectorModuleAsyncOptions): DynamicModule {
    assertAsyncOptions(options);
    const { route, guard, imports, ...factory } = options;
    return withPage(PageOptionsModule.forRootAsync(factory), { route, guard, imports });
  }

  onModuleInit(): void {
    this.#assertSingle();
    this.views.open();
    if (this.route.guards.length > 0) return;
    this.#logger.warn(
      `No guard protects the page at "${this.route.route}": everyone who reaches this application may read its channels`,
    );
  }

  /** Of two pages at one route, Nest would serve the first one, and the guard of the other would have no effect. */
  #assertSingle(): void {
    const same = [...this.modules.values()]
      .map((module) => module.getProviderByKey<InspectorRoute>(ROUTE)?.instance)
      .filter((it) => it?.route === this.route.route);
    if (same.length < 2) return;
    throw new InvalidOptionError(
      `Two PubSubInspectorModules have the route "${this.route.route}": give each its own`,
    );
  }
}

function withPage(
  { providers = [], ...module }: DynamicModule,
  { imports = [], ...options }: Pick<PubSubInspectorModuleOptions, 'route' | 'guard' | 'imports'>,
): DynamicModule {
  const route = resolveRoute(options);
  return {
    ...module,
    module: PubSubInspectorModule,
    imports,
    controllers: [createInspectorController(route)],
    providers: [
      ...providers,
      { provide: ROUTE, useValue: route },
      {
        provide: InspectorViews,
        inject: [ModulesContainer, MODULE_OPTIONS_TOKEN],
        // A factory without `return` gives nothing, which does not mean the defaults.
        useFactory: (modules: ModulesContainer, given: PubSubInspectorPageOptions) =>
          new InspectorViews(modules, resolvePageOptions(given ?? (null as never))),
      },
    ],
  };
}
