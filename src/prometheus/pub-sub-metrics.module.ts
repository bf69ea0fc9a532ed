import {
  ConfigurableModuleBuilder,
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { MetricsCollector } from './metrics-collector.js';
import { resolveMetricsOptions, type PubSubMetricsOptions } from './metrics-options.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<PubSubMetricsOptions>().setClassMethodName('forRoot').build();

/**
 * Counts the messages, losses and connections of this process in a registry of `prom-client`. It covers all modules,
 * servers and clients, from the creation of the application to its end. Import it once, in the root module.
 *
 * Several modules with the same registry and prefix count each message once, with the options of the newest one.
 * When the last one closes, the counts stay in the registry. The application fails to start with `InvalidOptionError`
 * for a wrong option, and if the registry has another metric of the same name.
 *
 * @see https://prometheus.io/docs/practices/naming/
 */
@Module({})
export class PubSubMetricsModule extends ConfigurableModuleClass implements OnApplicationShutdown {
  #collector: MetricsCollector | undefined;

  constructor(@Inject(MODULE_OPTIONS_TOKEN) options: PubSubMetricsOptions) {
    super();
    const resolved = resolveMetricsOptions(options);
    // Not in `onModuleInit`: connections are opened there, perhaps before.
    const collector = MetricsCollector.for(resolved);
    collector.open(resolved);
    this.#collector = collector;
  }

  /** The module with these options. */
  static override forRoot(options: PubSubMetricsOptions = {}): DynamicModule {
    return super.forRoot(options);
  }

  onApplicationShutdown(): void {
    this.#collector?.close();
    this.#collector = undefined;
  }
}
