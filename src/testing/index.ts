export type { RedisFaults, RefusableCommand } from './faults.js';
export { RedisFaultProxy, type RedisFaultProxyOptions } from './fault-proxy/redis-fault-proxy.js';
export { InMemoryRedis, type InMemoryPublishOptions } from './in-memory-redis.js';
export {
  PubSubRecorder,
  type HandledMessage,
  type PublishedMessage,
  type WaitOptions,
} from './pub-sub-recorder.js';
export { withInMemoryRedis } from './with-in-memory-redis.js';
