/**
 * Every place where this package reaches into private parts of ioredis, or makes up for a fault of one of its
 * versions, read in ioredis 5.3.2, 5.11.1 and 6.0.0. Each has a test against the installed version. Where a
 * part is missing, the option that needs it is refused, or ioredis is left as it is.
 */
import {
  Command,
  ReplyError,
  type Cluster,
  type ClusterNode,
  type Redis,
  type RedisOptions,
} from 'ioredis';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { InvalidOptionError } from '../../errors.js';

/** `Redis#connector`: begins and ends each attempt to connect. */
interface Connector {
  connect(emit: unknown): Promise<unknown>;
  disconnect(): void;
  check?(info: ServerInfo): unknown;
  /** Creates a client of one sentinel. */
  connectToSentinel?(endpoint: unknown, options?: RedisOptions): Redis;
}

/** The fields of the answer to INFO; empty if Redis refuses it. */
export type ServerInfo = Readonly<Partial<Record<string, string>>>;

/** @throws InvalidOptionError for an instance of an application's class that is none */
function connectorOf(client: Redis): Connector | undefined {
  const connector = Reflect.get(client, 'connector') as Partial<Connector> | undefined;
  if (!connector) return undefined;
  const { connect, disconnect } = connector;
  if (typeof connect === 'function' && typeof disconnect === 'function') {
    return connector as Connector;
  }
  throw new InvalidOptionError(
    'connection.Connector',
    'a class whose instances have the functions "connect" and "disconnect"',
    connector,
  );
}

/** `Redis#condition.subscriber`: the names that ioredis would subscribe to again. */
interface SubscriptionSet {
  add: (kind: string, name: string) => void;
  del: (kind: string, name: string) => void;
}

/**
 * Runs `before` at the start of each attempt of a client to connect, and `onDisconnect` when it is told to
 * disconnect. `connector` is private. Without it the result is `false`, and nothing runs.
 */
export function beforeConnect(
  client: Redis,
  before: () => Promise<void>,
  onDisconnect: () => void,
): boolean {
  const connector = connectorOf(client);
  if (!connector) return false;
  const connect = connector.connect.bind(connector);
  const disconnect = connector.disconnect.bind(connector);
  connector.connect = async (emit) => {
    await before();
    return connect(emit);
  };
  connector.disconnect = () => {
    onDisconnect();
    disconnect();
  };
  return true;
}

/** Calls `listener` with the socket of each attempt to connect, before any event of it. */
export function onSocket(client: Redis, listener: (socket: Socket) => void): void {
  const connector = connectorOf(client);
  if (!connector) return;
  const connect = connector.connect.bind(connector);
  connector.connect = async (emit) => {
    const socket = (await connect(emit)) as Socket;
    listener(socket);
    return socket;
  };
}

/** Calls `listener` with each client that ioredis creates for a sentinel, before it connects. */
export function onSentinelClient(client: Redis, listener: (sentinel: Redis) => void): void {
  const connector = connectorOf(client);
  const create = connector?.connectToSentinel?.bind(connector);
  if (!connector || !create) return;
  connector.connectToSentinel = (endpoint, options) => {
    // The first command connects it.
    const sentinel = create(endpoint, { ...options, lazyConnect: true });
    listener(sentinel);
    return sentinel;
  };
}

/**
 * Calls `accept` with the answer to INFO before a client is ready. With the result `false` the client closes the
 * connection, and tries again. Not called with `enableReadyCheck: false`.
 */
export function onServerInfo(client: Redis, accept: (info: ServerInfo) => boolean): void {
  const connector = connectorOf(client);
  const check = connector?.check?.bind(connector);
  if (connector && check) connector.check = (info) => Boolean(check(info)) && accept(info);
}

/**
 * Sets what a client logs in with at the connection that it is about to make. ioredis has copied its
 * options to `condition` by then.
 */
export function setAuth(client: Redis, auth: string | readonly [string, string]): void {
  Object.assign(client.condition ?? {}, { auth });
}

/** The user that a client logged in as last. */
export function userOf({ condition, options }: Redis): string {
  const auth = condition?.auth;
  return (Array.isArray(auth) ? auth[0] : options.username) ?? 'default';
}

const ignore = (): void => undefined;

/**
 * Stops ioredis from keeping the names of subscriptions. It needs them for its own resubscription, which is
 * off. Half a million names take 80 bytes each. The event loop stops whenever their table grows.
 */
export function stopRecordingNames({ condition }: Redis): void {
  const names = (condition?.subscriber || undefined) as unknown as SubscriptionSet | undefined;
  if (names && 'add' in names) names.add = ignore;
}

/** The shard channels that a client is subscribed to; `undefined` while it is not ready. ioredis removes those that Redis ends. */
export function subscribedShardChannels(client: Redis): ReadonlySet<string> | undefined {
  if (client.status !== 'ready') return undefined;
  const { subscriber } = client.condition ?? {};
  return new Set(subscriber ? subscriber.channels('ssubscribe') : []);
}

/**
 * Calls `onEnded` for each shard channel that Redis ends on its own, as it does when a slot moves. ioredis 5
 * takes this notice for the answer to the oldest command in flight, whichever that is.
 */
export function onShardChannelEnded(client: Redis, onEnded: () => void): void {
  client.on('connect', () => {
    const { condition } = client;
    if (!condition) return;
    let { subscriber } = condition;
    // ioredis creates the set with the first answer to SSUBSCRIBE. The next bytes may already be a notice.
    Object.defineProperty(condition, 'subscriber', {
      get: () => subscriber,
      set: (next: typeof subscriber) => {
        subscriber = next;
        if (next) takeNotices(client, next as unknown as SubscriptionSet, onEnded);
      },
    });
  });
}

/** ioredis removes the name of a notice from the set, and then takes the oldest command in flight. */
function takeNotices(client: Redis, names: SubscriptionSet, onEnded: () => void): void {
  const remove = names.del.bind(names);
  names.del = (kind, name) => {
    remove(kind, name);
    const { commandQueue } = client;
    if (kind !== 'sunsubscribe' || commandQueue.peekFront()?.command.name === kind) return;
    const command = { name: kind, args: [name], resolve: ignore, reject: ignore };
    commandQueue.unshift({ command, stream: client.stream, select: 0 });
    onEnded();
  };
}

/** Sends SSUBSCRIBE. ioredis 5.8 to 5.11 never settles one that Redis answered with MOVED. */
export class ShardSubscribe {
  readonly #client: Redis;
  readonly #unanswered = new Set<Command>();

  constructor(client: Redis) {
    this.#client = client;
    // ioredis 6 emits this, too, and then rejects the command itself.
    client.on('moved', () => queueMicrotask(() => this.#rejectMoved()));
  }

  /** Settles like ioredis' own `ssubscribe`. The text of an error after MOVED may not have the address. */
  async send(names: readonly string[]): Promise<unknown> {
    const command = new Command('ssubscribe', [...names]);
    this.#unanswered.add(command);
    try {
      return await this.#client.sendCommand(command);
    } finally {
      this.#unanswered.delete(command);
    }
  }

  #rejectMoved(): void {
    const waiting = new Set(this.#client.commandQueue.toArray().map(({ command }) => command));
    for (const command of this.#unanswered) {
      // Where ioredis has settled it, this has no effect.
      if (!waiting.has(command)) command.reject(new ReplyError('MOVED to another node'));
    }
  }
}

/** The nodes that a `Cluster` was created with, which it keeps in a private field. */
export function startupNodesOf(cluster: Cluster): ClusterNode[] {
  const { startupNodes } = cluster as unknown as { startupNodes: ClusterNode[] | undefined };
  if (startupNodes) return startupNodes;
  throw new InvalidOptionError(
    'connection',
    '{ nodes, options } with this version of ioredis',
    cluster,
  );
}

/** `DataHandler` of ioredis: takes every reply of a connection. What it throws ends the process. */
interface DataHandler {
  readonly redis: Redis;
  readonly [Method: string]: unknown;
}

type TakeReply = (this: DataHandler, reply: unknown) => unknown;

const REPLY_METHODS = ['returnPush', 'returnReply'];

const guardedClients = new WeakSet<Redis>();
const guardedVersions = new WeakSet<object>();

/**
 * Closes a connection of this client over which Redis, or a proxy before it, sends a reply that ioredis cannot
 * take, such as an acknowledgement without a channel. ioredis would end the process.
 */
export function guardReplies(client: Redis): void {
  guardedClients.add(client);
  const version = client.constructor;
  if (guardedVersions.has(version)) return;
  guardedVersions.add(version);
  for (const handler of dataHandlers()) {
    for (const method of REPLY_METHODS) guardMethod(handler, method);
  }
}

/** The prototypes of every copy of ioredis that is loaded. It exports none of them. */
function dataHandlers(): object[] {
  const { cache } = createRequire(process.execPath);
  return Object.entries(cache).flatMap(([path, module]) => {
    if (!/[/\\]built[/\\]DataHandler\.js$/.test(path) || guardedVersions.has(module ?? {}))
      return [];
    if (module) guardedVersions.add(module);
    const exported = module?.exports as { default?: { prototype?: object } } | undefined;
    const prototype = exported?.default?.prototype;
    return prototype ? [prototype] : [];
  });
}

function guardMethod(handler: object, method: string): void {
  const take = Reflect.get(handler, method) as TakeReply | undefined;
  if (typeof take !== 'function') return;
  const guarded: TakeReply = function guarded(reply) {
    try {
      return take.call(this, reply);
    } catch (error) {
      // What the listeners of an application throw is no fault of the reply.
      if (!guardedClients.has(this.redis) || isWellFormed(reply)) throw error;
      this.redis.stream.destroy(new Error('a reply that is not one of Pub/Sub'));
      return true;
    }
  };
  Object.assign(handler, { [method]: guarded });
}

/** Whether it is no reply of Pub/Sub at all, or a complete one. */
function isWellFormed(reply: unknown): boolean {
  if (!Array.isArray(reply)) return reply !== null;
  return reply.length >= 3 && reply.every((part) => part !== null && part !== undefined);
}

/** ioredis' own listener to the bytes of a socket: it gives them to its parser. */
type DataListener = (this: Socket, bytes: Buffer) => void;

/** How the text of that listener calls the parser, of ioredis 5 or 6. */
const PARSES = /\b(?:parser\.execute|decoder\.write)\(/;

/**
 * Puts the function that `intercept` creates between each socket of a client and ioredis. It is called with the bytes
 * that arrive; `passOn` gives bytes to ioredis, and never throws. Does nothing where ioredis' listener is not found.
 */
export function interceptBytes(
  client: Redis,
  intercept: (passOn: (bytes: Buffer) => void) => (bytes: Buffer) => void,
): void {
  // ioredis adds its listener before it emits this, and the socket emits no bytes before.
  client.on('connect', () => {
    const { stream } = client;
    const [parse, ...others] = dataListenersOf(stream);
    if (!parse || others.length > 0) return;
    const passOn = (bytes: Buffer): void => {
      try {
        parse.call(stream, bytes);
      } catch (error) {
        // ioredis 5 throws what a listener of the application threw. The bytes after these must not be lost.
        process.nextTick(() => {
          throw error;
        });
      }
    };
    stream.removeListener('data', parse);
    stream.prependListener('data', intercept(passOn));
  });
}

function dataListenersOf(stream: Socket): DataListener[] {
  const listeners = stream.listeners('data') as DataListener[];
  return listeners.filter((listener) => PARSES.test(Function.prototype.toString.call(listener)));
}

/** Whether ioredis takes frames that begin with `>` for messages (RESP3), or arrays; neither while it has no subscription. */
export function messageType({ condition }: Redis): 'push' | 'array' | undefined {
  if (!condition?.subscriber) return undefined;
  return condition.protocol === 3 ? 'push' : 'array';
}
