/**
 * Every place where this package reaches into private parts of ioredis, or makes up for a fault of one of its
 * versions, read in ioredis 5.3.2, 5.11.1 and 6.0.0. Each has a test against the installed version. Where a
 * part is missing, the option that needs it is refused, or ioredis is left as it is.
 */
import { Command, ReplyError, type Cluster, type ClusterNode, type Redis } from 'ioredis';
import { InvalidOptionError } from '../../errors.js';

/** `Redis#connector`: begins and ends each attempt to connect. */
interface Connector {
  connect(emit: unknown): Promise<unknown>;
  disconnect(): void;
}

/** `Redis#condition.subscriber`: the names that ioredis would subscribe to again. */
interface SubscriptionSet {
  add: (kind: string, name: string) => void;
  del: (kind: string, name: string) => void;
}

/**
 * Runs `before` at the start of each attempt of a client to connect, and `onDisconnect` when it is told to
 * disconnect. `connector` is private.
 */
export function beforeConnect(
  client: Redis,
  before: () => Promise<void>,
  onDisconnect: () => void,
): void {
  const connector = Reflect.get(client, 'connector') as Connector | undefined;
  if (!connector) {
    throw new InvalidOptionError(
      'credentials',
      'absent with this version of ioredis',
      'a function',
    );
  }
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
}

/**
 * Sets what a client logs in with at the connection that it is about to make. ioredis has copied its
 * options to `condition` by then.
 */
export function setAuth(client: Redis, auth: string | readonly [string, string]): void {
  Object.assign(client.condition ?? {}, { auth });
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
