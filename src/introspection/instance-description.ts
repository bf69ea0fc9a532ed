import type { Redis } from 'ioredis';
import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import { isCluster } from '../broker/connection/redis-connection.js';
import { isTopologyProvider } from '../broker/topology-provider.js';
import type { SubscriptionKind } from '../channel/subscription-key.js';
import { contractHash } from '../contracts/contract-hash.js';
import type { Contract } from '../contracts/contract.js';
import { contractIn } from '../contracts/handler.decorators.js';
import { HANDLER_OPTIONS } from '../options/resolve-options.js';
import { packageVersion } from '../shared/this-package.js';
import type { ExtensibleBus } from '../transport/bus-extensions.js';
import type { BusHandler } from '../transport/bus-record.js';
import { isPlain } from './read-answer.js';
import type {
  HandlerInfo,
  HandlerStats,
  HandshakeCommand,
  InstanceAccess,
  InstanceInfo,
  InstancePing,
  InstanceStats,
} from './instance-types.js';
import { questionChannel } from './question.js';
import type { StatusHistory } from './status-history.js';

/** No answer names more globs. */
const MAX_GLOBS = 1_000;

/** What an instance tells about itself. */
export class InstanceDescription {
  readonly #bus: ExtensibleBus;
  readonly #statuses: StatusHistory;
  readonly #id = randomUUID();
  readonly #startedAt = new Date();
  /** The contracts that were hashed. */
  #hashed: { readonly count: number; readonly hash: string | undefined } = {
    count: 0,
    hash: undefined,
  };

  constructor(bus: ExtensibleBus, statuses: StatusHistory) {
    this.#bus = bus;
    this.#statuses = statuses;
  }

  ping(): InstancePing {
    return { id: this.#id, name: this.#bus.options.name, version: packageVersion() };
  }

  info(): InstanceInfo {
    const { prefix, codec } = this.#bus.options;
    const handlers = this.#handlers();
    const contracts = this.#hashOf(contractsOf(handlers));
    return {
      ...this.ping(),
      host: hostname(),
      pid: process.pid,
      startedAt: this.#startedAt,
      prefix,
      codec: typeof codec === 'string' ? codec : 'custom',
      ...(contracts !== undefined && { contracts }),
      handlers: handlers.map(infoOf),
      access: this.#access(),
    };
  }

  stats(): InstanceStats {
    const { broker, record } = this.#bus;
    const { published, lost, gaps, dropped } = record;
    return {
      ...this.ping(),
      ...this.#statuses.current,
      startedAt: this.#startedAt,
      published,
      lost,
      gaps,
      dropped,
      subscriptions: broker.subscriptions,
      observers: this.#observerCount,
      handlers: this.#handlers().map(statsOf),
    };
  }

  #access(): InstanceAccess {
    const { record, options, reserved } = this.#bus;
    const { prefix, sharded, batchPublishes, reservedSegment, notify } = options;
    const handlers = this.#handlers();
    const adapterKinds = new Set(reserved.adapters.values());
    const { kinds, globs } = this.#subscriptions();
    for (const kind of adapterKinds) kinds.add(kind);
    return {
      topology: topologyOf(options.connection),
      publishes: adapterKinds.has('channel') || record.published > record.publishedSharded,
      publishesSharded: adapterKinds.has('shard') || record.publishedSharded > 0,
      requests: record.hasRequested,
      replies: handlers.some(({ isEventHandler }) => !isEventHandler),
      subscribes: kinds.has('channel'),
      subscribesPatterns: kinds.has('pattern'),
      subscribesSharded: kinds.has('shard'),
      globs: [...globs].slice(0, MAX_GLOBS),
      hasMoreGlobs: globs.size > MAX_GLOBS,
      sharded,
      batchPublishes,
      groups: handlers.some(({ handler }) => handler.extras?.['group'] !== undefined),
      keepsHistory: record.keepsHistory,
      readsHistory: record.readsHistory || handlers.some(isRecovering),
      reservedSegment,
      notify,
      probes: options.probeInterval > 0,
      checksAddress: options.addressCheckInterval > 0,
      handshake: handshakeOf(this.#bus.broker.clients() as readonly Redis[]),
      introspectionChannel: questionChannel(reserved, prefix),
      adapterChannels: [...reserved.adapters.keys()],
    };
  }

  /** Schemas are described once: any client may ask often. Handlers are added, and never removed. */
  #hashOf(contracts: readonly Contract[]): string | undefined {
    if (contracts.length > 0 && contracts.length !== this.#hashed.count) {
      this.#hashed = { count: contracts.length, hash: contractHash(...contracts) };
    }
    return this.#hashed.hash;
  }

  #handlers(): BusHandler[] {
    return [...this.#bus.record.handlers].flatMap((handlers) => [...handlers]);
  }

  /** There may be half a million observers: no list of them is made. */
  #subscriptions(): { readonly kinds: Set<SubscriptionKind>; readonly globs: Set<string> } {
    const kinds = new Set<SubscriptionKind>();
    const globs = new Set<string>();
    for (const listeners of [...this.#bus.record.handlers, ...this.#bus.record.observers]) {
      for (const { key } of listeners) {
        kinds.add(key.kind);
        if (key.kind === 'pattern') globs.add(key.name);
      }
    }
    return { kinds, globs };
  }

  get #observerCount(): number {
    return [...this.#bus.record.observers].reduce((sum, { size }) => sum + size, 0);
  }
}

function infoOf(handler: BusHandler): HandlerInfo {
  const { name } = handler.key;
  return { ...nameOf(handler), name, options: optionsOf(handler) };
}

function statsOf(handler: BusHandler): HandlerStats {
  const { received, started, ended, failed, dropped, waiting, gaps } = handler;
  const [handled, running] = [ended - failed, started - ended];
  return { ...nameOf(handler), received, handled, failed, dropped, waiting, running, gaps };
}

function nameOf({
  pattern,
  key,
  method,
  isDecoded,
  isEventHandler,
}: BusHandler): Pick<HandlerInfo, 'pattern' | 'kind' | 'subscription' | 'method'> {
  const kind = isEventHandler ? 'event' : 'message';
  return {
    pattern: pattern.source,
    kind: isDecoded ? kind : 'key',
    subscription: key.kind,
    ...(method !== undefined && { method }),
  };
}

function isRecovering({ handler: { extras } }: BusHandler): boolean {
  return extras?.['recover'] === true;
}

/** The contracts of handlers, each once. */
function contractsOf(handlers: readonly BusHandler[]): Contract[] {
  const found = handlers.flatMap(({ handler }) => contractIn(handler.extras)?.contract ?? []);
  return [...new Set(found)];
}

/** The options of a decorator that JSON can hold: not `Infinity`, which is the default. */
function optionsOf({ handler: { extras = {} } }: BusHandler): HandlerInfo['options'] {
  const given = HANDLER_OPTIONS.map((name) => [name, extras[name]] as const);
  return Object.fromEntries(given.filter(([, value]) => isPlain(value)));
}

function handshakeOf(clients: readonly Redis[]): HandshakeCommand[] {
  const options = clients.map((client) => client.options);
  const commands = [
    options.some(({ db }) => Boolean(db)) && 'select',
    options.some(({ connectionName }) => Boolean(connectionName)) && 'setname',
    options.some(({ readOnly }) => readOnly === true) && 'readonly',
  ] as const;
  return commands.filter((command) => command !== false);
}

function topologyOf(
  connection: ExtensibleBus['options']['connection'],
): InstanceAccess['topology'] {
  if (isTopologyProvider(connection)) return 'memory';
  if (typeof connection === 'string') return 'standalone';
  if (isCluster(connection)) return 'cluster';
  const options = 'options' in connection ? connection.options : connection;
  return options.sentinels ? 'sentinel' : 'standalone';
}
