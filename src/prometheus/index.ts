export type { PubSubMetricsOptions } from './metrics-options.js';
export { PubSubMetricsModule } from './pub-sub-metrics.module.js';
