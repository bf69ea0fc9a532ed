import type { ChannelKind } from '../channel/subscription-key.js';
import { TickBatch } from '../shared/tick-batch.js';

/** With more replies in a message the client waits while the others are encoded. */
const MAX_REPLIES = 32;

/** The most bytes of a message with several replies: for long replies the cost of a message is small. */
export const MAX_BATCH_BYTES = 4_096;

/** How a {@link ReplyBatcher} works. */
export interface ReplyBatcherOptions {
  /** The most bytes of a message. */
  readonly maxBytes: number;
  /** Joins the texts of one or several replies. */
  readonly join: (texts: readonly string[]) => string;
  readonly publish: (channel: string, text: string, kind: ChannelKind) => Promise<number>;
}

/** The replies of one tick to one inbox. */
interface Batch {
  readonly channel: string;
  readonly kind: ChannelKind;
  readonly texts: string[];
  bytes: number;
  readonly published: Promise<number>;
  readonly resolve: (published: Promise<number>) => void;
}

/**
 * Joins the replies of one tick to one inbox, in their order: a message costs Redis and both ends more than a
 * short reply does. A single reply is sent at once. `npm run bench -- --only request-latency` measures it.
 */
export class ReplyBatcher {
  readonly #options: ReplyBatcherOptions;
  readonly #maxBytes: number;
  /** A new map for each tick, for the reason that `TransientMap` gives. */
  #batches = new Map<string, Batch>();
  readonly #tick = new TickBatch(() => this.flush());

  constructor(options: ReplyBatcherOptions) {
    this.#options = options;
    this.#maxBytes = Math.min(options.maxBytes, MAX_BATCH_BYTES);
  }

  /** Settles as `publish` does for the message with this reply. */
  add(channel: string, text: string, kind: ChannelKind): Promise<number> {
    if (this.#tick.add()) {
      return this.#options.publish(channel, this.#options.join([text]), kind);
    }
    // One more for the comma before it.
    const bytes = Buffer.byteLength(text) + 1;
    const batch = this.#batchFor(channel, kind, bytes);
    batch.texts.push(text);
    batch.bytes += bytes;
    if (batch.texts.length === MAX_REPLIES) this.#send(batch);
    return batch.published;
  }

  /** Sends now what waits for the end of the tick. */
  flush(): void {
    if (this.#batches.size === 0) return;
    const batches = this.#batches.values();
    this.#batches = new Map();
    for (const batch of batches) this.#publish(batch);
  }

  #batchFor(channel: string, kind: ChannelKind, bytes: number): Batch {
    const current = this.#batches.get(channel);
    if (current) {
      if (current.kind === kind && current.bytes + bytes <= this.#maxBytes) return current;
      this.#send(current);
    }
    const batch = createBatch(channel, kind);
    this.#batches.set(channel, batch);
    return batch;
  }

  #send(batch: Batch): void {
    this.#batches.delete(batch.channel);
    this.#publish(batch);
  }

  #publish({ channel, texts, kind, resolve }: Batch): void {
    const { join, publish } = this.#options;
    resolve(publish(channel, join(texts), kind));
  }
}

function createBatch(channel: string, kind: ChannelKind): Batch {
  let resolve!: Batch['resolve'];
  const published = new Promise<number>((settle) => {
    resolve = settle;
  });
  // One byte for the closing bracket.
  return { channel, kind, texts: [], bytes: 1, published, resolve };
}
