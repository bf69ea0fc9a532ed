import type { Claim } from '../broker/broker.js';
import type { TopologyOptions } from '../broker/topology-provider.js';
import { claimError } from '../broker/publishing/claim-commands.js';
import type { ListEnd, ListRead, MessageList } from '../broker/broker.js';
import { noAnswers } from '../broker/publishing/list-reader.js';
import { PublishBuffer, type Outgoing } from '../broker/publishing/publish-buffer.js';
import { publishError } from '../broker/publishing/publish-pipeline.js';
import type { Publisher } from '../broker/publishing/publisher.js';
import { sizeOf, UnconfirmedMessages } from '../broker/publishing/unconfirmed-messages.js';
import type { ChannelKind } from '../channel/subscription-key.js';
import { completed, type OutgoingPayload } from '../shared/payload.js';
import { ClosedError, CommandRefusedError, ConnectionError, shorten } from '../errors.js';
import { InMemoryConnection, type ConnectionOwner } from './in-memory-connection.js';
import type { InMemoryServer } from './in-memory-server.js';
import type { Subscriptions } from './subscriptions.js';

/** Publishes to an {@link InMemoryServer}. */
export class InMemoryPublisher implements Publisher, ConnectionOwner {
  readonly role = 'publisher';
  readonly transport: string;
  readonly view: TopologyOptions['view'];
  /** There are no ioredis clients. */
  readonly clients = [];
  readonly hasEnded = false;
  readonly #server: InMemoryServer;
  readonly #connection: InMemoryConnection;
  readonly #buffer: PublishBuffer | undefined;
  readonly #unconfirmed: UnconfirmedMessages;
  readonly #onNoReceivers: TopologyOptions['onNoReceivers'];
  readonly #onNotPublished: TopologyOptions['onNotPublished'];
  readonly #onChange: () => void;

  constructor(server: InMemoryServer, options: TopologyOptions, onChange: () => void) {
    const { transport, view, publishBuffer, publishLimit, onNoReceivers, onNotPublished } = options;
    this.transport = transport;
    this.view = view;
    this.#server = server;
    this.#connection = new InMemoryConnection(server, this);
    this.#buffer = publishBuffer ? new PublishBuffer(publishBuffer) : undefined;
    this.#unconfirmed = new UnconfirmedMessages(publishLimit);
    this.#onNoReceivers = onNoReceivers;
    this.#onNotPublished = onNotPublished;
    this.#onChange = onChange;
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  countsReceivers(): boolean {
    return true;
  }

  onClient(): void {
    // There are no ioredis clients.
  }

  open(timeoutMs: number): Promise<void> {
    return this.#connection.open(timeoutMs);
  }

  close(): Promise<void> {
    this.#buffer?.fail(new ClosedError());
    return this.#connection.close();
  }

  canPublish(): boolean {
    return this.isReady;
  }

  sendsNow(): boolean {
    return this.isReady;
  }

  publish(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number> {
    return this.#publish({ channel, payload, kind });
  }

  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number> {
    return this.#publish({ channel, payload, kind, list });
  }

  readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    if (!this.isReady) {
      const error = new ConnectionError('Cannot read: not connected to Redis');
      return Promise.resolve(noAnswers(reads, error));
    }
    return new Promise((resolve) => {
      this.#server.readLists(this.#connection, reads, (answer) => {
        if (!(answer instanceof Error)) return resolve(answer);
        const error = new ConnectionError(
          `The connection was lost during a read: ${answer.message}`,
        );
        resolve(noAnswers(reads, error));
      });
    });
  }

  #publish(message: Outgoing): Promise<number> {
    if (this.isReady) return this.#send(message);
    if (this.#buffer && this.#connection.isOpen) return this.#buffer.add(message);
    return Promise.reject(
      new ConnectionError(
        `Cannot publish to "${shorten(message.channel)}": not connected to Redis`,
      ),
    );
  }

  claim(claim: Claim): Promise<readonly boolean[]> {
    if (!this.isReady) {
      const error = new ConnectionError(
        `Cannot claim "${shorten(claim.key)}": not connected to Redis`,
      );
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#server.claim(this.#connection, claim, (error, answer) => {
        if (error) reject(claimError(claim.key, error));
        else resolve(answer);
      });
    });
  }

  channels(glob: string, kind: ChannelKind): Promise<string[]> {
    const command = kind === 'shard' ? 'SHARDCHANNELS' : 'CHANNELS';
    return this.#query(command, (subscriptions) => subscriptions.channels(glob, kind));
  }

  subscriberCounts(channels: readonly string[], kind: ChannelKind): Promise<Map<string, number>> {
    const command = kind === 'shard' ? 'SHARDNUMSUB' : 'NUMSUB';
    return this.#query(
      command,
      (subscriptions) => new Map(channels.map((name) => [name, subscriptions.count(name, kind)])),
    );
  }

  patternCount(): Promise<number> {
    return this.#query('NUMPAT', ({ patterns }) => patterns);
  }

  callMasters(): Promise<readonly never[]> {
    // There is no server to ask.
    return Promise.resolve([]);
  }

  onReady(): void {
    this.#buffer?.flush((message) => this.#send(message));
    this.#onChange();
  }

  onLost(): void {
    this.#onChange();
  }

  #query<T>(command: string, answer: (subscriptions: Subscriptions<unknown>) => T): Promise<T> {
    if (!this.isReady) {
      const error = new ConnectionError(`Cannot query PUBSUB ${command}: not connected to Redis`);
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#server.query(this.#connection, answer, (error, result) => {
        if (!error) return resolve(result as T);
        reject(
          error.name === 'ReplyError'
            ? new CommandRefusedError('query', `PUBSUB ${command}`, error)
            : new ConnectionError(`The connection was lost before PUBSUB ${command} was answered`, {
                cause: error,
              }),
        );
      });
    });
  }

  #send(message: Outgoing): Promise<number> {
    const { channel, payload, kind, list } = message;
    const isAppended = list !== undefined;
    const size = sizeOf(payload);
    if (this.#unconfirmed.isTooMany(size)) {
      this.#onNotPublished?.(channel, kind, isAppended);
      return Promise.reject(this.#unconfirmed.errorFor(channel));
    }
    this.#unconfirmed.add(size);
    return new Promise((resolve, reject) => {
      const sent = { ...message, payload: completed(payload) };
      this.#server.publishFrom(this.#connection, sent, (answer) => {
        this.#unconfirmed.remove(size);
        if (typeof answer !== 'number') {
          if (answer.name === 'ReplyError') this.#onNotPublished?.(channel, kind, isAppended);
          return reject(publishError(channel, answer));
        }
        if (answer === 0) this.#onNoReceivers?.(channel, kind);
        resolve(answer);
      });
    });
  }
}
