import type { Redis } from 'ioredis';
import type { ChannelKind } from '../../channel/subscription-key.js';
import { ClosedError, CommandRefusedError, ConnectionError, shorten } from '../../errors.js';
import type { BrokerOptions } from '../broker-options.js';
import type { Claim, ListEnd, ListRead, MasterAnswer, MessageList } from '../broker.js';
import { Lifecycle } from '../../shared/lifecycle.js';
import type { OutgoingPayload } from '../../shared/payload.js';
import { Connection } from '../connection/connection.js';
import { openDiscovered, type NodeDiscovery } from '../connection/open.js';
import { isReplyError } from '../connection/redis-error.js';
import { serverOf } from '../connection/server-name.js';
import type { ServerWatch } from '../connection/server-watch.js';
import { AppendScript } from './append-script.js';
import { ClaimCommands } from './claim-commands.js';
import { ListReader, noAnswers } from './list-reader.js';
import { PublishBuffer, type Outgoing } from './publish-buffer.js';
import { PublishPipeline } from './publish-pipeline.js';
import { PublishScript } from './publish-script.js';
import type { ProbePublisher, Publisher } from './publisher.js';
import { sizeOf, UnconfirmedMessages } from './unconfirmed-messages.js';

/** The most channels in one query: more arguments overflow the stack, and hold Redis and the event loop. */
const MAX_COUNTED = 2_048;

/** How a {@link NodePublisher} works. */
export interface NodePublisherOptions extends Pick<
  BrokerOptions,
  | 'transport'
  | 'pingInterval'
  | 'pingTimeout'
  | 'publishBuffer'
  | 'publishLimit'
  | 'batchPublishes'
  | 'log'
  | 'onNoReceivers'
  | 'onNotPublished'
> {
  /** Whether the client is ours, or a user's. */
  readonly isOwned: boolean;
  /** Whether one script may have the keys of several channels. In a Cluster they are in different slots. */
  readonly joinsKeys?: boolean;
  readonly discovery?: NodeDiscovery;
  readonly serverWatch?: ServerWatch | undefined;
}

/** Publishes over one connection to one server. */
export class NodePublisher implements Publisher, ProbePublisher {
  readonly #connection: Connection;
  readonly #discovery: NodeDiscovery | undefined;
  readonly #buffer: PublishBuffer | undefined;
  readonly #pipeline: PublishPipeline;
  readonly #script: PublishScript | undefined;
  readonly #claims: ClaimCommands;
  readonly #append: AppendScript;
  readonly #lists: ListReader;
  readonly #unconfirmed: UnconfirmedMessages;
  readonly #onChange: () => void;
  readonly #lifecycle = new Lifecycle();

  /** `onChange` is called when {@link isReady} or {@link hasEnded} changes. */
  constructor(client: Redis, options: NodePublisherOptions, onChange: () => void) {
    const { publishBuffer, batchPublishes, discovery } = options;
    this.#unconfirmed = new UnconfirmedMessages(options.publishLimit);
    this.#pipeline = new PublishPipeline(
      client,
      this.#unconfirmed,
      options.onNoReceivers,
      options.onNotPublished,
    );
    this.#script = batchPublishes
      ? new PublishScript(client, this.#pipeline, options.log, this.#unconfirmed)
      : undefined;
    this.#claims = new ClaimCommands(this.#pipeline);
    const joinsKeys = options.joinsKeys !== false;
    this.#append = new AppendScript(this.#pipeline, this.#unconfirmed, joinsKeys);
    this.#lists = new ListReader(client, this.#pipeline);
    this.#buffer = publishBuffer ? new PublishBuffer(publishBuffer) : undefined;
    this.#onChange = onChange;
    this.#discovery = discovery;
    this.#connection = new Connection(
      client,
      { ...options, role: 'publisher' },
      {
        onReady: () => this.#onReady(),
        onLost: onChange,
        onEnded: (error) => this.#onEnded(error),
      },
    );
  }

  countsReceivers(): boolean {
    return true;
  }

  get clients(): readonly [Redis] {
    return [this.#connection.client];
  }

  onClient(listener: (client: Redis) => void): void {
    listener(this.#connection.client);
  }

  get isReady(): boolean {
    return this.#connection.isReady;
  }

  get hasEnded(): boolean {
    return this.#connection.hasEnded;
  }

  open(timeoutMs: number): Promise<void> {
    this.#lifecycle.open();
    return openDiscovered(this.#connection, this.#discovery, timeoutMs);
  }

  async close(): Promise<void> {
    this.#lifecycle.markClosed();
    this.#script?.flush();
    this.#pipeline.flush();
    // Before the wait: messages of a later open must not fail.
    this.#buffer?.fail(new ClosedError());
    await this.#connection.close();
  }

  restart(reason: string): void {
    this.#connection.restart(reason);
  }

  canPublish(): boolean {
    // A stream ends a moment before its events report it.
    return this.#connection.isReady && this.#connection.client.stream.writable;
  }

  sendsNow(): boolean {
    return this.canPublish();
  }

  publish(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number> {
    if (this.canPublish()) return this.#send(channel, payload, kind);
    return this.#wait({ channel, payload, kind });
  }

  append(
    channel: string,
    payload: OutgoingPayload,
    kind: ChannelKind,
    list: MessageList,
  ): Promise<number> {
    const message = { channel, payload, kind, list };
    return this.canPublish() ? this.#sendOutgoing(message) : this.#wait(message);
  }

  async readLists(reads: readonly ListRead[]): Promise<readonly ListEnd[]> {
    if (this.#connection.isReady) return this.#lists.read(reads);
    return noAnswers(reads, new ConnectionError('Cannot read: not connected to Redis'));
  }

  #wait(message: Outgoing): Promise<number> {
    // Also before the first connection, while the nodes of a Cluster are not known yet.
    if (this.#buffer && this.#lifecycle.isOpen && !this.hasEnded) {
      return this.#buffer.add(message);
    }
    return Promise.reject(
      new ConnectionError(
        `Cannot publish to "${shorten(message.channel)}": not connected to Redis`,
      ),
    );
  }

  /** `isAsking`: another node of a Cluster has named this one for a slot that it is about to get. */
  claim(claim: Claim, isAsking = false): Promise<readonly boolean[]> {
    if (this.canPublish()) return this.#claims.send(claim, isAsking);
    return Promise.reject(
      new ConnectionError(`Cannot claim "${shorten(claim.key)}": not connected to Redis`),
    );
  }

  async channels(glob: string, kind: ChannelKind): Promise<string[]> {
    const command = kind === 'shard' ? 'SHARDCHANNELS' : 'CHANNELS';
    return (await this.#query(command, glob)) as string[];
  }

  async subscriberCounts(
    channels: readonly string[],
    kind: ChannelKind,
  ): Promise<Map<string, number>> {
    const command = kind === 'shard' ? 'SHARDNUMSUB' : 'NUMSUB';
    const counts = new Map<string, number>();
    for (let from = 0; from < channels.length; from += MAX_COUNTED) {
      const asked = channels.slice(from, from + MAX_COUNTED);
      const answer = (await this.#query(command, ...asked)) as (string | number)[];
      asked.forEach((channel, i) => counts.set(channel, Number(answer[2 * i + 1])));
    }
    return counts;
  }

  async patternCount(): Promise<number> {
    return Number(await this.#query('NUMPAT'));
  }

  async callMasters(command: string, ...args: readonly string[]): Promise<readonly [MasterAnswer]> {
    const { client, isReady } = this.#connection;
    const address = serverOf(client);
    if (!isReady) {
      return [
        { address, error: new ConnectionError(`Cannot call ${command}: not connected to Redis`) },
      ];
    }
    return client.call(command, ...args).then(
      (answer) => [{ address, answer }],
      (error: unknown) => [{ address, error }],
    );
  }

  async #query(command: string, ...args: string[]): Promise<unknown> {
    if (!this.#connection.isReady) {
      throw new ConnectionError(`Cannot query PUBSUB ${command}: not connected to Redis`);
    }
    return this.#connection.client.call('PUBSUB', command, ...args).catch((error: unknown) => {
      if (isReplyError(error)) throw new CommandRefusedError('query', `PUBSUB ${command}`, error);
      throw new ConnectionError(`The connection was lost before PUBSUB ${command} was answered`, {
        cause: error,
      });
    });
  }

  #onReady(): void {
    void this.#script?.onReady();
    this.#claims.onReady();
    this.#lists.onReady(this.#connection.info.run_id);
    // What waits goes out before what is published from now on.
    this.#buffer?.flush((message) => this.#sendOutgoing(message));
    this.#onChange();
  }

  #onEnded(error: ConnectionError): void {
    this.#buffer?.fail(error);
    this.#onChange();
  }

  #sendOutgoing(message: Outgoing): Promise<number> {
    const { channel, payload, kind, list } = message;
    if (!list) return this.#send(channel, payload, kind);
    if (this.#unconfirmed.isTooMany(sizeOf(payload))) return this.#refuse(channel, kind, true);
    // What was published before it may wait there.
    this.#script?.flush();
    return this.#append.send(message, list);
  }

  #refuse(channel: string, kind: ChannelKind, isAppended: boolean): Promise<never> {
    this.#pipeline.onNotPublished?.(channel, kind, isAppended);
    return Promise.reject(this.#unconfirmed.errorFor(channel));
  }

  #send(channel: string, payload: OutgoingPayload, kind: ChannelKind): Promise<number> {
    if (this.#unconfirmed.isTooMany(sizeOf(payload))) return this.#refuse(channel, kind, false);
    if (this.#script && kind === 'channel') return this.#script.send(channel, payload);
    return this.#pipeline.send(channel, payload, kind);
  }
}
