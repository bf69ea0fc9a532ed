export { PubSubAcl, type AssertAclOptions } from './acl/pub-sub-acl.js';
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
export type { ChannelValues, ParamsOf } from './contracts/channel-types.js';
export type { ContractOptions } from './contracts/contract-entries.js';
export { contractHash } from './contracts/contract-hash.js';
export {
  defineEvents,
  defineRequests,
  type Contract,
  type EventContract,
  type PayloadOf,
  type RequestContract,
  type ResponseOf,
} from './contracts/contract.js';
export { dto, type DtoOptions, type DtoSchema } from './contracts/dto.js';
export type { ChannelOf, DataFor, EventClient, EventSchemas } from './contracts/event-client.js';
export type {
  ContractMessage,
  EventService,
  Observed,
  ServiceOfEvents,
} from './contracts/event-service.js';
export {
  On,
  Respond,
  type EventMethod,
  type MethodDecoratorOf,
  type RequestMethod,
} from './contracts/handler.decorators.js';
export type {
  ClientOfRequests,
  RedisRequestClient,
  RequestClient,
  RequestFor,
  RequestSchema,
  RequestSchemas,
  ResponseFor,
} from './contracts/request-client.js';
export type {
  InputOf,
  JsonSchema,
  OutputOf,
  Schema,
  SchemaIssue,
  SchemaResult,
} from './contracts/schema.js';
export {
  ClosedError,
  CommandRefusedError,
  ConnectionError,
  InvalidChannelError,
  InvalidOptionError,
  MissingRightsError,
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
export type {
  Drift,
  DriftSubject,
  DriftVariant,
  InspectChannelsOptions,
  InspectedChannel,
  InspectedChannels,
  InspectedDrift,
  InspectedInstances,
  InspectedPattern,
  InspectedPatterns,
  InspectOptions,
  UnheardChannel,
  UnheardChannels,
} from './introspection/inspector-types.js';
export type {
  HandlerInfo,
  HandlerStats,
  HandshakeCommand,
  InstanceAccess,
  InstanceInfo,
  InstancePing,
  InstanceStats,
} from './introspection/instance-types.js';
export { PubSubInspector, type PubSubInspectorOptions } from './introspection/pub-sub-inspector.js';
export { OnHashField, OnKey, OnKeyEvent } from './keyspace/key-handler.decorators.js';
export type { OnKeyEventOptions, OnKeyOptions } from './keyspace/key-handler.decorators.js';
export { KeyNotification } from './keyspace/key-notification.js';
export { Key, KeyEvent, KeyParam } from './keyspace/key-param.decorators.js';
export { latestByChannel } from './module/latest-by-channel.js';
export type { PubSubLoss, PubSubMessage, PubSubRecovery } from './module/message-observer.js';
export type { OnRedisPubSubReady } from './module/ready-hooks.js';
export { RedisPubSubModule } from './module/redis-pubsub.module.js';
export type { PubSubFollowed } from './module/resumable-streams.js';
export { RedisPubSubService } from './module/redis-pubsub.service.js';
export type {
  HistoryQuery,
  ObserveEventsOptions,
  ObserveKeyEventOptions,
  ObserveKeysOptions,
  ObserveOptions,
  PublishingOptions,
  PubSubHandler,
  PubSubHistory,
  PubSubSubscription,
  RecoverOptions,
} from './module/service-options.js';
export {
  REDIS_PUBSUB,
  type HandlerOptions,
  type HistoryLimits,
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
