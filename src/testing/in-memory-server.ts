import type { MessageView } from '../broker/topology-provider.js';
import type { Claim, Delivery, ListEnd, ListRead } from '../broker/broker.js';
import type { Outgoing } from '../broker/publishing/publish-buffer.js';
import { toByteString } from '../channel/glob.js';
import { completed } from '../shared/payload.js';
import type { ChannelKind, SubscriptionKey } from '../channel/subscription-key.js';
import type { RedisFaults, RefusableCommand } from './faults.js';
import { InMemoryClaims } from './in-memory-claims.js';
import type { ConnectionOwner, InMemoryConnection } from './in-memory-connection.js';
import { MessageLists } from './message-lists.js';
import { REFUSED, Refusals } from './refusals.js';
import { Subscriptions } from './subscriptions.js';

const SUBSCRIBE = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE', shard: 'SSUBSCRIBE' } as const;
const PUBLISH = { channel: 'PUBLISH', shard: 'SPUBLISH' } as const;

/** A message as the server received it. */
export interface PublishedPayload {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly payload: Buffer;
  /** The number of subscriptions that it was delivered to. */
  readonly receivers: number;
  /** That of the publisher; `undefined` for the test itself. */
  readonly view: MessageView | undefined;
}

/** A server in memory: subscriptions, deliveries, refusals and faults, without a socket. */
export class InMemoryServer implements RedisFaults {
  /** Those that are up, or are to be. */
  readonly #connections = new Set<InMemoryConnection>();
  readonly subscriptions = new Subscriptions<InMemoryConnection>();
  /** The histories of channels. */
  readonly lists = new MessageLists();
  readonly #publishListeners = new Set<(published: PublishedPayload) => void>();
  readonly #refusals = new Refusals();
  readonly #claims = new InMemoryClaims();
  readonly #deliveries = new WeakMap<Delivery, MessageView>();
  #isCut = false;
  #isDeaf = false;
  #delayMs = 0;

  /** Whether no answer and no message is under way. */
  get isIdle(): boolean {
    return [...this.#connections].every(({ wire }) => wire.isEmpty);
  }

  /** Resolves when no answer and no message is under way. */
  async whenIdle(): Promise<void> {
    while (!this.isIdle) {
      await Promise.all([...this.#connections].map(({ wire }) => wire.whenEmpty()));
    }
  }

  /** What may be why a message is not handled, in sentences for a test. */
  get hints(): string[] {
    const isConnected = [...this.#connections].some(({ isReady }) => isReady);
    return [
      !isConnected &&
        !this.#isCut &&
        'No application is connected to this Redis: call init() first',
      this.#isCut && 'This Redis is cut: call restore()',
      this.#isDeaf && 'This Redis is deafened: call restore()',
      this.#delayMs > 0 && `This Redis delays each message by ${this.#delayMs} ms`,
    ].filter((hint) => typeof hint === 'string');
  }

  /** The prefix that a message would have to have to reach a subscription; `undefined` if none is missing. */
  missingPrefix(channel: string, kind: ChannelKind): string | undefined {
    const prefixes = [...this.#connections].flatMap(({ owner }) => owner.view?.prefix || []);
    return prefixes.find((prefix) => {
      let isReached = false;
      this.subscriptions.reach(prefix + channel, kind, () => (isReached = true));
      return isReached;
    });
  }

  /** How the application sees a message that was delivered here; `undefined` for messages of other servers. */
  viewOf(delivery: Delivery): MessageView | undefined {
    return this.#deliveries.get(delivery);
  }

  /** How an application sees a channel: the one whose prefix it has. */
  viewFor(name: string): MessageView | undefined {
    const views = [...this.#connections].flatMap(({ owner }) => owner.view ?? []);
    return views
      .filter(({ prefix }) => name.startsWith(prefix))
      .toSorted((one, other) => other.prefix.length - one.prefix.length)[0];
  }

  /** Calls `listener` with each message that is published. Returns a function that removes it. */
  onPublish(listener: (published: PublishedPayload) => void): () => void {
    this.#publishListeners.add(listener);
    return () => void this.#publishListeners.delete(listener);
  }

  /** Connects now, or as soon as the server can be reached. */
  add(connection: InMemoryConnection): void {
    this.#connections.add(connection);
    this.#connect(connection);
  }

  /** Ends its subscriptions. What is under way still arrives. */
  remove(connection: InMemoryConnection): void {
    this.#connections.delete(connection);
    this.subscriptions.removeAll(connection);
  }

  /** SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE. Calls `onAnswer` soon, with an error if the server refuses. */
  subscribe(
    connection: InMemoryConnection,
    key: SubscriptionKey,
    onAnswer: (refusal?: Error) => void,
  ): void {
    const refusal = this.#refusalOf(SUBSCRIBE[key.kind], key.name);
    if (!refusal) this.subscriptions.add(key, connection);
    connection.wire.add(() => onAnswer(refusal), this.#delayMs);
  }

  /** UNSUBSCRIBE, PUNSUBSCRIBE or SUNSUBSCRIBE. */
  unsubscribe(connection: InMemoryConnection, key: SubscriptionKey): void {
    this.subscriptions.remove(key, connection);
  }

  /** PUBLISH or SPUBLISH. Calls `onAnswer` soon, with the number of receivers or an error. */
  publishFrom(
    connection: InMemoryConnection,
    message: Outgoing,
    onAnswer: (answer: number | Error) => void,
  ): void {
    let answer: number | Error;
    const onLost = (): void => onAnswer(new Error('the connection was cut'));
    // Before the deliveries, so that the publisher goes on first: Redis promises no more.
    connection.wire.add(() => onAnswer(answer), this.#delayMs, onLost);
    answer =
      this.#refusalOf(PUBLISH[message.kind], message.channel) ??
      this.publish(message, connection.owner.view);
  }

  /** Publishes a message, and returns the number of subscriptions that it reaches. */
  publish({ channel, payload, kind, list }: Outgoing, view?: MessageView): number {
    const bytes = Buffer.from(completed(payload) as Uint8Array);
    if (list) this.lists.append(list, bytes);
    let receivers = 0;
    this.subscriptions.reach(channel, kind, (key, connection) => {
      receivers++;
      if (this.#isDeaf) return;
      const delivery = connection.deliver(key, channel, bytes, this.#delayMs);
      if (delivery && connection.owner.view) this.#deliveries.set(delivery, connection.owner.view);
    });
    const published = { channel, kind, payload: bytes, receivers, view };
    for (const listener of this.#publishListeners) listener(published);
    return receivers;
  }

  /** LRANGE for each list. Calls `onAnswer` soon, with the ends of the lists or an error. */
  readLists(
    connection: InMemoryConnection,
    reads: readonly ListRead[],
    onAnswer: (answer: readonly ListEnd[] | Error) => void,
  ): void {
    const ends = reads.map((read) => this.lists.read(read));
    connection.wire.add(
      () => onAnswer(ends),
      this.#delayMs,
      () => onAnswer(new Error('the connection was cut')),
    );
  }

  /** Answers a PUBSUB query soon. `onAnswer` receives the answer or an error. */
  query<T>(
    connection: InMemoryConnection,
    answer: (subscriptions: Subscriptions<unknown>) => T,
    onAnswer: (error: Error | undefined, answer?: T) => void,
  ): void {
    const refusal = this.#refusalOf('PUBSUB');
    connection.wire.add(
      () => onAnswer(refusal, refusal ? undefined : answer(this.subscriptions)),
      this.#delayMs,
      () => onAnswer(new Error('the connection was cut')),
    );
  }

  /** BITFIELD or SET. Calls `onAnswer` soon, with the answer or an error. */
  claim(
    connection: InMemoryConnection,
    claim: Claim,
    onAnswer: (error: Error | undefined, answer: readonly boolean[]) => void,
  ): void {
    const refusal = this.#refusalOf(claim.bits ? 'BITFIELD' : 'SET', claim.key);
    const answer = refusal ? [] : this.#claims.take(claim);
    connection.wire.add(
      () => onAnswer(refusal, answer),
      this.#delayMs,
      () => onAnswer(new Error('the connection was cut'), []),
    );
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    for (const connection of this.#connections) this.#disconnect(connection);
  }

  /** Ends connections, which connect again at once, as CLIENT KILL does. */
  disconnectAll(role?: ConnectionOwner['role']): void {
    for (const connection of this.#connections) {
      if (role && connection.owner.role !== role) continue;
      this.#disconnect(connection);
      this.#connect(connection);
    }
  }

  deafen(): void {
    if (this.#isDeaf) return;
    this.#isDeaf = true;
    for (const { isReady, owner } of this.#connections) if (isReady) owner.onDeaf?.();
  }

  refuse(command: RefusableCommand, name?: string): void {
    this.#refusals.add(command, name);
    for (const connection of this.#connections) {
      const keys = this.subscriptions.of(connection);
      if (!keys.some((key) => this.#refusalOf(SUBSCRIBE[key.kind], key.name))) continue;
      // As ACL SETUSER does: a subscription that is no longer allowed ends its connection.
      this.#disconnect(connection);
      this.#connect(connection);
    }
  }

  delay(ms: number): void {
    this.#delayMs = ms;
    if (ms === 0) for (const { wire } of this.#connections) wire.hurry();
  }

  dropNext(count = 1): void {
    for (const connection of this.#connections) connection.toDrop += count;
  }

  restore(): void {
    const [wasCut, wasDeaf] = [this.#isCut, this.#isDeaf];
    this.#isCut = this.#isDeaf = false;
    this.#refusals.clear();
    this.delay(0);
    for (const connection of this.#connections) {
      connection.toDrop = 0;
      // Without a subscription nothing was lost, and a real subscriber stays as it is.
      const wasDeafened = wasDeaf && this.subscriptions.of(connection).length > 0;
      if (wasDeafened) this.#disconnect(connection);
      else if (!wasCut) connection.owner.onRestored?.();
    }
    // Subscribers first: an application then receives what it published during the outage.
    const all = [...this.#connections];
    for (const it of all) if (!isPublisher(it)) this.#connect(it);
    for (const it of all) if (isPublisher(it)) this.#connect(it);
  }

  #connect(connection: InMemoryConnection): void {
    if (connection.isReady) return;
    const connect = (): void => {
      if (this.#isCut) return connection.onConnectFailed();
      if (connection.isReady || !this.#connections.has(connection)) return;
      connection.onReady();
      if (this.#isDeaf) connection.owner.onDeaf?.();
    };
    connection.wire.add(connect, 0, () => connection.onConnectFailed());
  }

  #disconnect(connection: InMemoryConnection): void {
    this.subscriptions.removeAll(connection);
    const until = connection.wire.oldestAt;
    connection.wire.cut();
    connection.onLost(until);
  }

  #refusalOf(command: RefusableCommand, name?: string): Error | undefined {
    const bytes = name === undefined ? undefined : toByteString(name);
    if (!this.#refusals.includes(command, bytes)) return undefined;
    const error = new Error(REFUSED);
    error.name = 'ReplyError';
    return error;
  }
}

function isPublisher({ owner }: InMemoryConnection): boolean {
  return owner.role === 'publisher';
}
