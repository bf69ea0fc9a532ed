export { buildChannel, escapeGlob, type ChannelParams } from './channel/channel-pattern.js';
export { decodeSegment, encodeSegment } from './channel/segment.js';
export type { TopologyProvider } from './broker/topology-provider.js';
export type {
  ClusterConnection,
  RedisConnection,
  RedisConnectionOptions,
} from './broker/connection/redis-connection.js';
export type { Credentials, CredentialsProvider } from './broker/connection/credentials.js';
export type { Codec, Headers } from './codec/codec.js';
export {
  ClosedError,
  CommandRefusedError,
  ConnectionError,
  InvalidChannelError,
  InvalidOptionError,
  NoSubscribersError,
  PayloadError,
  PubSubError,
  RequestTimeoutError,
  type PubSubErrorCode,
} from './errors.js';
export {
  RedisPubSubHealthIndicator,
  type RedisPubSubHealth,
  type RedisPubSubHealthDetails,
  type RedisPubSubHealthOptions,
} from './health/redis-pubsub-health.indicator.js';
export { OnHashField, OnKey, OnKeyEvent } from './keyspace/key-handler.decorators.js';
export type { OnKeyEventOptions, OnKeyOptions } from './keyspace/key-handler.decorators.js';
export { KeyNotification } from './keyspace/key-notification.js';
export { Key, KeyEvent, KeyParam } from './keyspace/key-param.decorators.js';
export type { PubSubLoss, PubSubMessage } from './module/message-observer.js';
export type { OnRedisPubSubReady } from './module/ready-hooks.js';
export { RedisPubSubModule } from './module/redis-pubsub.module.js';
export { RedisPubSubService } from './module/redis-pubsub.service.js';
export type {
  ObserveKeyEventOptions,
  ObserveKeysOptions,
  ObserveOptions,
  PublishingOptions,
  PubSubHandler,
  PubSubSubscription,
} from './module/service-options.js';
export {
  REDIS_PUBSUB,
  type HandlerOptions,
  type RedisPubSubClientOptions,
  type RedisPubSubModuleOptions,
  type RedisPubSubOptions,
  type RedisPubSubServerOptions,
} from './options/options.js';
export type {
  DropReason,
  HandleTrace,
  PublishTrace,
  PubSubGap,
  TelemetryEvents,
} from './telemetry.js';
export { Channel, ChannelParam, MessageHeader } from './transport/param.decorators.js';
export type { PubSubReply, SendAllOptions } from './transport/client/gathered-request.js';
export { RedisPubSubClient } from './transport/client/redis-pubsub.client.js';
export { RedisPubSubContext } from './transport/redis-pubsub.context.js';
export { RedisPubSubRecord, RedisPubSubRecordBuilder } from './transport/redis-pubsub.record.js';
export { RedisPubSubServer } from './transport/server/redis-pubsub.server.js';
export { Subscribe, type SubscribeOptions } from './transport/subscribe.decorator.js';
export type {
  HandlerGap,
  RedisPubSubEvents,
  RedisPubSubStatus,
} from './transport/transport-events.js';
