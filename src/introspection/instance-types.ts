import type { SubscriptionKind } from '../channel/subscription-key.js';
import type { HandlerOptions } from '../options/options.js';
import type { BrokerStatus } from '../telemetry.js';

/** Which instance has answered: one module or server with connections of its own, in one process. */
export interface InstancePing {
  /** Random, and the same for the life of the instance. */
  readonly id: string;
  /** The option `name` of the module or server. Instances of one service have the same. */
  readonly name: string;
  /** The version of this package. */
  readonly version: string;
}

/** What an instance is, and which handlers it has. */
export interface InstanceInfo extends InstancePing {
  /** The name of the machine. */
  readonly host: string;
  /** The number of the process. */
  readonly pid: number;
  /** When the instance was created. */
  readonly startedAt: Date;
  /** The option `prefix`. */
  readonly prefix: string;
  /** The option `codec`; `custom` for a codec of the application. */
  readonly codec: 'envelope' | 'json' | 'custom';
  /** A hash of the contracts of the application; absent where there are none. */
  readonly contracts?: string;
  /** The decorated handlers, in the order of their registration. */
  readonly handlers: readonly HandlerInfo[];
  /** What the instance needs of Redis, for its ACL. */
  readonly access: InstanceAccess;
}

/** A decorated handler of an instance. */
export interface HandlerInfo {
  /** The pattern, as it was written. */
  readonly pattern: string;
  /** `event`: it handles events. `message`: it replies to requests. `key`: it handles changes of keys. */
  readonly kind: 'event' | 'message' | 'key';
  /** The command of its subscription: SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE. */
  readonly subscription: SubscriptionKind;
  /** What it is subscribed to: Redis' name, prefix included. */
  readonly name: string;
  /** Class and method, as in `UserEvents.onCreated`; absent where they are not known. */
  readonly method?: string;
  /** The options of its decorator that this package obeys; without those that were not given. */
  readonly options: HandlerOptions;
}

/** A command of a new connection: SELECT for `db`, CLIENT SETNAME for `connectionName`, READONLY for `readOnly`. */
export type HandshakeCommand = 'select' | 'setname' | 'readonly';

/** What an instance needs of Redis. What it does at run time is known when it has done it once. */
export interface InstanceAccess {
  /** How the instance finds its servers. `memory` needs no ACL. */
  readonly topology: 'standalone' | 'sentinel' | 'cluster' | 'memory';
  /** Whether it has published, with PUBLISH or with SPUBLISH. Replies, requests and probes count. */
  readonly publishes: boolean;
  readonly publishesSharded: boolean;
  /** Whether it has sent requests, and receives replies. */
  readonly requests: boolean;
  /** Whether it has handlers of requests. */
  readonly replies: boolean;
  /** Whether handlers or observers are subscribed to literal channels, to globs, and to shard channels. */
  readonly subscribes: boolean;
  readonly subscribesPatterns: boolean;
  readonly subscribesSharded: boolean;
  /** Redis' names of the globs of handlers and of observers at this moment: an ACL needs each. At most 1,000. */
  readonly globs: readonly string[];
  /** Whether there are more globs. */
  readonly hasMoreGlobs: boolean;
  /** The options of this name. */
  readonly sharded: boolean;
  readonly batchPublishes: boolean;
  /** Whether it has handlers with a `group`. */
  readonly groups: boolean;
  /** Whether it has published messages with history. */
  readonly keepsHistory: boolean;
  /** Whether it has read a history, or has handlers with `recover`, which may read one at any time. */
  readonly readsHistory: boolean;
  readonly reservedSegment: string;
  readonly notify: 'check' | 'set' | 'ignore';
  /** Whether the subscriber publishes probes to itself. */
  readonly probes: boolean;
  /** Whether new connections ask for the address of the server. */
  readonly checksAddress: boolean;
  /** What ioredis sends on new connections because options of the connection ask for it. */
  readonly handshake: readonly HandshakeCommand[];
  /** The reserved channel on which it receives the questions of `PubSubInspector`. */
  readonly introspectionChannel: string;
  /** What the names of further reserved channels begin with: those of the adapter of Socket.IO. */
  readonly adapterChannels: readonly string[];
}

/** What an instance has done since it was created, and what it does at this moment. */
export interface InstanceStats extends InstancePing {
  /** As the `status` of `RedisPubSubService`. */
  readonly status: BrokerStatus;
  /** When the status became this one. */
  readonly since: Date;
  readonly startedAt: Date;
  /** How often the status was `connected` again. */
  readonly reconnects: number;
  /** The messages that were published: events, requests and replies, also those that failed. */
  readonly published: number;
  /** The messages that did not arrive, by their message ids. */
  readonly lost: number;
  /** How often a handler or an observer may have missed messages: each counts once for each outage. */
  readonly gaps: number;
  /** The messages that were dropped before a handler was found: unreadable, or too large. */
  readonly dropped: number;
  /** The channels and patterns that the instance listens to; those of the package are among them. */
  readonly subscriptions: number;
  /** The observers of `RedisPubSubService` at this moment. */
  readonly observers: number;
  /** In the order of {@link InstanceInfo.handlers}. */
  readonly handlers: readonly HandlerStats[];
}

/** What a handler has done since it was registered. */
export interface HandlerStats extends Pick<
  HandlerInfo,
  'pattern' | 'kind' | 'subscription' | 'method'
> {
  /** The messages that arrived for it. */
  readonly received: number;
  /** The messages that it has handled to their end, without those that failed. */
  readonly handled: number;
  /** The messages that it, or one of its guards and pipes, threw for. */
  readonly failed: number;
  /** The messages that it did not handle: its queue was full, or the request was cancelled. */
  readonly dropped: number;
  /** The messages that wait in its queue. */
  readonly waiting: number;
  /** The messages that it handles at this moment. */
  readonly running: number;
  /** How often it may have missed messages, because of an outage. */
  readonly gaps: number;
}
