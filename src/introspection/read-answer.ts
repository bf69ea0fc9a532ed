import type { ChannelKind, SubscriptionKind } from '../channel/subscription-key.js';
import { isRecord } from '../codec/envelope-codec.js';
import { HANDLER_OPTIONS } from '../options/resolve-options.js';
import type { BrokerStatus } from '../telemetry.js';
import type {
  HandlerInfo,
  HandlerStats,
  InstanceAccess,
  InstanceInfo,
  InstancePing,
  InstanceStats,
} from './instance-types.js';

// An answer may come from any client of Redis, and from another version of this package. So what is read has the
// types that it promises: what is absent or has another type gets a neutral value. No function throws.

type Given = Readonly<Record<string, unknown>>;

/** Which instance has answered; `undefined` if that cannot be read. */
export function readPing(value: unknown): InstancePing | undefined {
  const given = recordOf(value);
  const [id, name, version] = [given.id, given.name, given.version];
  const isPing = typeof id === 'string' && typeof name === 'string' && typeof version === 'string';
  return isPing ? { id, name, version } : undefined;
}

/** The answer to `info`. */
export function readInfo(value: unknown): InstanceInfo | undefined {
  const ping = readPing(value);
  if (!ping) return undefined;
  const given = recordOf(value);
  const { contracts } = given;
  return {
    ...ping,
    host: textOf(given.host),
    pid: numberOf(given.pid),
    startedAt: dateOf(given.startedAt),
    prefix: textOf(given.prefix),
    codec: oneOf(given.codec, ['envelope', 'json', 'custom'], 'custom'),
    ...(typeof contracts === 'string' && { contracts }),
    handlers: recordsOf(given.handlers).map(readHandlerInfo),
    access: readAccess(recordOf(given.access)),
  };
}

/** The answer to `stats`. */
export function readStats(value: unknown): InstanceStats | undefined {
  const ping = readPing(value);
  if (!ping) return undefined;
  const given = recordOf(value);
  return {
    ...ping,
    status: oneOf(given.status, STATUSES, 'disconnected'),
    since: dateOf(given.since),
    startedAt: dateOf(given.startedAt),
    ...numbersOf(given, INSTANCE_COUNTS),
    handlers: recordsOf(given.handlers).map(readHandlerStats),
  };
}

/** One channel in an answer to `unheard`. */
export interface InstanceUnheardChannel {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly messages: number;
  readonly lastAt: Date;
  readonly isCertain: boolean;
}

/** The answer to `unheard`. */
export interface InstanceUnheard extends InstancePing {
  readonly channels: readonly InstanceUnheardChannel[];
  readonly hasMore: boolean;
}

/** The answer to `unheard`. */
export function readUnheard(value: unknown): InstanceUnheard | undefined {
  const ping = readPing(value);
  if (!ping) return undefined;
  const { channels, hasMore } = recordOf(value);
  return { ...ping, hasMore: hasMore === true, channels: recordsOf(channels).map(readChannel) };
}

/** More handlers or channels than an instance tells. */
const MAX_RECORDS = 2_000;

const STATUSES: readonly BrokerStatus[] = [
  'disconnected',
  'connecting',
  'connected',
  'reconnecting',
  'starving',
];
const SUBSCRIPTIONS: readonly SubscriptionKind[] = ['channel', 'pattern', 'shard'];
const KINDS: readonly HandlerInfo['kind'][] = ['event', 'message', 'key'];
const HANDSHAKE = ['select', 'setname', 'readonly'] as const;
const INSTANCE_COUNTS = [
  'reconnects',
  'published',
  'lost',
  'gaps',
  'dropped',
  'subscriptions',
  'observers',
] as const;
const HANDLER_COUNTS = [
  'received',
  'handled',
  'failed',
  'dropped',
  'waiting',
  'running',
  'gaps',
] as const;
const ACCESS_FLAGS = [
  'publishes',
  'publishesSharded',
  'requests',
  'replies',
  'subscribes',
  'subscribesPatterns',
  'subscribesSharded',
  'hasMoreGlobs',
  'sharded',
  'batchPublishes',
  'groups',
  'keepsHistory',
  'readsHistory',
  'probes',
  'checksAddress',
] as const;

function readHandlerInfo(given: Given): HandlerInfo {
  const options = recordOf(given.options);
  const known = HANDLER_OPTIONS.filter((name) => isPlain(options[name]));
  return {
    ...nameOf(given),
    name: textOf(given.name),
    options: Object.fromEntries(known.map((name) => [name, options[name]])),
  };
}

function readHandlerStats(given: Given): HandlerStats {
  return { ...nameOf(given), ...numbersOf(given, HANDLER_COUNTS) };
}

function nameOf(
  given: Given,
): Pick<HandlerInfo, 'pattern' | 'kind' | 'subscription'> & { method?: string } {
  const { pattern, kind, subscription, method } = given;
  return {
    pattern: textOf(pattern),
    kind: oneOf(kind, KINDS, 'event'),
    subscription: oneOf(subscription, SUBSCRIPTIONS, 'channel'),
    ...(typeof method === 'string' && { method }),
  };
}

function readAccess(given: Given): InstanceAccess {
  const flags = Object.fromEntries(ACCESS_FLAGS.map((name) => [name, given[name] === true]));
  const { handshake } = given;
  return {
    ...(flags as Record<(typeof ACCESS_FLAGS)[number], boolean>),
    topology: oneOf(given.topology, ['standalone', 'sentinel', 'cluster', 'memory'], 'standalone'),
    globs: textsOf(given.globs),
    reservedSegment: textOf(given.reservedSegment),
    notify: oneOf(given.notify, ['check', 'set', 'ignore'], 'check'),
    handshake: HANDSHAKE.filter((it) => Array.isArray(handshake) && handshake.includes(it)),
    introspectionChannel: textOf(given.introspectionChannel),
    adapterChannels: textsOf(given.adapterChannels),
  };
}

function readChannel(given: Given): InstanceUnheardChannel {
  return {
    channel: textOf(given.channel),
    kind: oneOf(given.kind, ['channel', 'shard'], 'channel'),
    messages: numberOf(given.messages),
    lastAt: dateOf(given.lastAt),
    isCertain: given.isCertain === true,
  };
}

function recordOf(value: unknown): Given {
  return isRecord(value) ? value : {};
}

/** The first records of a list. Any client may have sent it, and reading it must end soon. */
function recordsOf(value: unknown): Given[] {
  return Array.isArray(value) ? value.slice(0, MAX_RECORDS).map(recordOf) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === 'string') : [];
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function numbersOf<Name extends string>(
  given: Given,
  names: readonly Name[],
): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, numberOf(given[name])])) as never;
}

function dateOf(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
}

function oneOf<Text extends string>(value: unknown, known: readonly Text[], other: Text): Text {
  return known.find((it) => it === value) ?? other;
}

/** Whether an option of a handler can be told: JSON has no `Infinity`. */
export function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}
