import type { Redis } from 'ioredis';
import { ClosedError, CommandRefusedError, ConnectionError, shorten } from '../errors.js';
import type { BrokerLog } from './broker.js';
import { Connection } from './connection.js';
import { openGuided, type Guide } from './guide.js';
import type { LivenessOptions } from './liveness.js';
import { PublishBuffer, type PublishBufferOptions } from './publish-buffer.js';
import { PublishBatcher } from './publish-batcher.js';
import { PublishSender } from './publish-sender.js';
import { isReplyError } from './reply-error.js';
import type { PublishingHalf } from './publishing-half.js';
import type { MasterWatch } from './sentinel/master-watch.js';

export interface PublisherOptions {
  /** Whether the client is ours, or a user's. */
  readonly isOwned: boolean;
  readonly liveness: LivenessOptions;
  /** What may wait while the connection is away; `false`: nothing. */
  readonly buffer: PublishBufferOptions | false;
  /** Whether what is published in one tick goes out together. */
  readonly batches: boolean;
  /** Whether subscribers are to have a message before the publisher hears of it. */
  readonly deliversFirst: boolean;
  readonly log: BrokerLog;
  readonly guide?: Guide;
  readonly masterWatch?: MasterWatch;
}

/** The sending half over one connection. */
export class Publisher implements PublishingHalf {
  readonly #connection: Connection;
  readonly #guide: Guide | undefined;
  readonly #buffer: PublishBuffer | undefined;
  readonly #sender: PublishSender;
  readonly #batcher: PublishBatcher | undefined;
  readonly #onChange: () => void;
  #isOpen = false;

  /** `onChange`: the connection is no longer as it was. */
  constructor(
    client: Redis,
    {
      isOwned,
      liveness,
      buffer,
      batches,
      deliversFirst,
      log,
      guide,
      masterWatch,
    }: PublisherOptions,
    onChange: () => void,
  ) {
    this.#sender = new PublishSender(client, deliversFirst);
    this.#batcher = batches ? new PublishBatcher(client, this.#sender, log) : undefined;
    this.#buffer = buffer ? new PublishBuffer(buffer) : undefined;
    this.#onChange = onChange;
    this.#guide = guide;
    this.#connection = new Connection(
      client,
      { role: 'publisher', isOwned, liveness, masterWatch, log },
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

  open(patience: number): Promise<void> {
    this.#isOpen = true;
    return openGuided(this.#connection, this.#guide, patience);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#batcher?.flush();
    this.#sender.flush();
    await this.#connection.close();
    this.#buffer?.fail(new ClosedError());
  }

  restart(reason: string): void {
    this.#connection.restart(reason);
  }

  reaches(): boolean {
    // The end of a stream shows a moment before it is told of.
    return this.#connection.isReady && this.#connection.client.stream.writable;
  }

  publish(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    if (this.reaches()) return this.#send(channel, payload, isSharded);
    // Not only while the connection is away: before the first one the nodes of a Cluster may be unknown.
    if (this.#buffer && this.#isOpen && !this.hasEnded) {
      return this.#buffer.add({ channel, payload, isSharded });
    }
    return Promise.reject(
      new ConnectionError(`Cannot publish to "${shorten(channel)}": not connected to Redis`),
    );
  }

  async channels(glob: string, isSharded: boolean): Promise<string[]> {
    return (await this.#ask(isSharded ? 'SHARDCHANNELS' : 'CHANNELS', glob)) as string[];
  }

  async subscriberCounts(
    channels: readonly string[],
    isSharded: boolean,
  ): Promise<Map<string, number>> {
    if (channels.length === 0) return new Map();
    const question = isSharded ? 'SHARDNUMSUB' : 'NUMSUB';
    const counts = (await this.#ask(question, ...channels)) as (string | number)[];
    return new Map(channels.map((channel, i) => [channel, Number(counts[2 * i + 1])]));
  }

  async patternCount(): Promise<number> {
    return Number(await this.#ask('NUMPAT'));
  }

  async #ask(question: string, ...args: string[]): Promise<unknown> {
    if (!this.#connection.isReady) {
      throw new ConnectionError(`Cannot ask PUBSUB ${question}: not connected to Redis`);
    }
    return this.#connection.client.call('PUBSUB', question, ...args).catch((error: unknown) => {
      if (isReplyError(error)) throw new CommandRefusedError('query', `PUBSUB ${question}`, error);
      throw new ConnectionError(`The connection was lost before PUBSUB ${question} was answered`, {
        cause: error,
      });
    });
  }

  #onReady(): void {
    void this.#batcher?.onReady();
    // What waits goes out before anything else.
    this.#buffer?.flush(({ channel, payload, isSharded }) =>
      this.#send(channel, payload, isSharded),
    );
    this.#onChange();
  }

  #onEnded(error: ConnectionError): void {
    this.#buffer?.fail(error);
    this.#onChange();
  }

  #send(channel: string, payload: string | Uint8Array, isSharded: boolean): Promise<number> {
    if (this.#batcher && !isSharded) return this.#batcher.send(channel, payload);
    return this.#sender.send(channel, payload, isSharded);
  }
}
