export type { PubSubTracingOptions } from './options.js';
export { PubSubTracingModule } from './pubsub-tracing.module.js';
export { tracePubSub } from './trace-pubsub.js';
export { traced, type TracedOptions } from './traced.js';
