export type { MissedMessages, RedisPubSubEngineOptions, TriggerOptions } from './engine-options.js';
export { RedisPubSubEngine, type ServiceOfEngine } from './redis-pubsub.engine.js';
