import type { Broker, Delivery, DeliverySource } from '../broker/broker.js';
import { CLUSTER_BUS_DELAY_MS } from '../broker/cluster/node-map.js';
import type {
  ChannelKind,
  SubscriptionKey,
  SubscriptionKind,
} from '../channel/subscription-key.js';
import type { IncomingMessage, MessageCodec } from '../codec/codec.js';
import { messageOf, shorten } from '../errors.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { ChunkPayload } from '../shared/payload.js';
import { RateLimitedLog } from '../shared/rate-limited-log.js';
import type { ChannelLists } from './channel-lists.js';
import { HistoryReader, isClosed, type HistoryRead } from './history-reader.js';
import { isKeptId } from './kept-id.js';
import { formatPosition, positionBehind, type Position } from './position.js';
import { ReadMessages, type HistoryAnswer, type KeptMessage } from './read-messages.js';

/** What a history needs of the bus that it belongs to. */
export interface HistoryBus {
  readonly broker: Pick<Broker, 'countsReceivers' | 'lastAnswered' | 'readLists'>;
  readonly codec: Pick<MessageCodec, 'decode'>;
  readonly options: Pick<ResolvedOptions, 'prefix' | 'maxPayloadBytes'>;
  readonly reader: {
    /** Reads a message, or reports that it is dropped. */
    read(delivery: Delivery, channel: string): unknown;
  };
  readonly lists: ChannelLists;
  readonly record: { readsHistory: boolean };
}

/** Takes the log lines of a history. */
interface HistoryLog {
  warn(line: string): void;
  error(line: string): void;
}

/** A channel with history. */
export interface HistoryChannel {
  /** Without the prefix. */
  readonly channel: string;
  readonly kind: ChannelKind;
}

/** How a history is read. */
export interface ReadOptions extends Omit<HistoryRead, 'key'> {
  /** How many messages are read where there is no place; default: all. */
  readonly limit?: number;
}

/** The histories of the channels of a bus. */
export class History {
  readonly #bus: HistoryBus;
  readonly #reader: HistoryReader;
  readonly #failures: RateLimitedLog;
  #isWarned = false;
  readonly #logger: HistoryLog;

  constructor(bus: HistoryBus, logger: HistoryLog) {
    this.#bus = bus;
    this.#logger = logger;
    this.#reader = new HistoryReader(bus.broker);
    this.#failures = new RateLimitedLog(
      (line) => logger.error(line),
      (count) => `Could not read the histories of ${count} more channels`,
    );
  }

  /** Redis' name of a channel. */
  nameOf({ channel }: HistoryChannel): string {
    return this.#bus.options.prefix + channel;
  }

  /** The key of the list. Throws `InvalidChannelError` for a channel that has none. */
  keyOf(of: HistoryChannel): string {
    return this.#bus.lists.keyOf(this.nameOf(of), of.kind);
  }

  /**
   * Reads what stands behind a place, or the last messages. Only a place that the history of the same server has is
   * recovered: of another one nothing tells which messages were removed since. Rejects as `HistoryReader#read` does.
   */
  async readFrom(
    of: HistoryChannel,
    place: Position | undefined,
    { limit = Infinity, ...read }: ReadOptions = {},
  ): Promise<HistoryAnswer> {
    this.#bus.record.readsHistory = true;
    const decode = (payload: Buffer): KeptMessage | undefined => this.#decode(of, payload);
    const messages = new ReadMessages({ place, limit, decode });
    await this.#reader.read({ key: this.keyOf(of), ...read }, messages);
    const { answer } = messages;
    if (answer.serverId === undefined) this.#warnOfServer();
    return answer;
  }

  /** The position behind the last message of a channel; `undefined` if it has none, or Redis does not tell who it is. */
  async position(of: HistoryChannel): Promise<string | undefined> {
    const { read, serverId } = await this.readFrom(of, undefined, { limit: 1 });
    return formatPosition(positionBehind(read.at(-1), serverId));
  }

  /** A delivery of a message that was kept. */
  deliveryOf(of: HistoryChannel, { message, payload }: KeptMessage): Delivery {
    return new KeptDelivery(of.kind, this.nameOf(of), payload, message);
  }

  /** Whether all messages that were published before `time` have arrived at a subscription. */
  isDelivered(subscription: SubscriptionKey, time: Date): boolean {
    const until = this.#bus.broker.lastAnswered(subscription)?.getTime() ?? 0;
    return until - CLUSTER_BUS_DELAY_MS > time.getTime();
  }

  /** Logs that a history could not be read, unless the application has closed. */
  reportFailure({ channel }: HistoryChannel, error: unknown): void {
    if (isClosed(error)) return;
    this.#failures.add(
      () =>
        `Could not read the history of "${shorten(channel)}": ${messageOf(error)}. Its observers are told that messages are lost`,
    );
  }

  /** Whether one node delivers all messages of a channel, which are in the order of the history then. */
  isOrdered({ kind }: HistoryChannel): boolean {
    return this.#bus.broker.countsReceivers(kind);
  }

  /** Reports messages that were missed, and that this process cannot read, as it reports their live copies. */
  reportUnreadable(of: HistoryChannel, payloads: readonly Buffer[]): void {
    for (const payload of payloads) {
      this.#bus.reader.read(new KeptDelivery(of.kind, this.nameOf(of), payload), of.channel);
    }
  }

  #decode({ channel }: HistoryChannel, bytes: Buffer): KeptMessage | undefined {
    if (bytes.length > this.#bus.options.maxPayloadBytes) return undefined;
    const payload = new ChunkPayload(bytes);
    const message = this.#decodeOne(channel, payload);
    const id = message?.messageId;
    if (!message || !isKeptId(id)) return undefined;
    return { id, checksum: payload.checksum(), message, payload: bytes };
  }

  #decodeOne(channel: string, payload: ChunkPayload): IncomingMessage | undefined {
    try {
      return this.#bus.codec.decode(payload, channel);
    } catch {
      // Of another codec: its live copy is dropped with a log line.
      return undefined;
    }
  }

  #warnOfServer(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    this.#logger.warn(
      'Redis does not tell its run_id: no history is recovered, since nothing tells a failover. Allow INFO',
    );
  }
}

/** A message that was read from a history. */
class KeptDelivery implements Delivery {
  readonly payload: ChunkPayload;
  readonly source: DeliverySource | undefined = undefined;

  constructor(
    readonly kind: SubscriptionKind,
    readonly channel: string,
    payload: Buffer,
    public decoded?: unknown,
  ) {
    this.payload = new ChunkPayload(payload);
  }

  get subscription(): string {
    return this.channel;
  }
}
