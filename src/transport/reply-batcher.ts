import { LoneFirst } from '../shared/tick-batch.js';

/** So many replies go out together: with more, whoever asked waits while the rest is put together. */
const MOST_REPLIES = 32;

/** So many bytes of replies go out together: to long ones the price of a message is little. */
export const MOST_JOINED_BYTES = 4_096;

export interface ReplyOutboxOptions {
  /** What is put together must not have more bytes. */
  readonly maxBytes: number;
  /** Makes one text of one or several. */
  readonly join: (texts: readonly string[]) => string;
  readonly publish: (name: string, text: string, isSharded: boolean) => Promise<number>;
}

/** The replies of one tick to one inbox. */
interface Batch {
  readonly name: string;
  readonly isSharded: boolean;
  readonly texts: string[];
  bytes: number;
  readonly published: Promise<number>;
  readonly resolve: (published: Promise<number>) => void;
}

/**
 * Makes one message of the replies of one tick to one inbox, in their order: to Redis and to both ends
 * a message costs more than a short reply does. While each tick has one reply, that goes out at once:
 * `npm run bench -- --only request-latency`.
 */
export class ReplyOutbox {
  readonly #options: ReplyOutboxOptions;
  readonly #maxBytes: number;
  /** Another one for each tick, for the reason that `TransientMap` gives. */
  #open = new Map<string, Batch>();
  readonly #tick = new LoneFirst(() => this.flush());

  constructor(options: ReplyOutboxOptions) {
    this.#options = options;
    this.#maxBytes = Math.min(options.maxBytes, MOST_JOINED_BYTES);
  }

  /** Settles as `publish` does for the message that the reply goes out with. */
  add(name: string, text: string, isSharded: boolean): Promise<number> {
    if (this.#tick.add()) {
      return this.#options.publish(name, this.#options.join([text]), isSharded);
    }
    // With what stands before it when it is joined to others.
    const bytes = Buffer.byteLength(text) + 1;
    const batch = this.#batchFor(name, isSharded, bytes);
    batch.texts.push(text);
    batch.bytes += bytes;
    if (batch.texts.length === MOST_REPLIES) this.#send(batch);
    return batch.published;
  }

  #batchFor(name: string, isSharded: boolean, bytes: number): Batch {
    const open = this.#open.get(name);
    if (open) {
      if (open.isSharded === isSharded && open.bytes + bytes <= this.#maxBytes) return open;
      this.#send(open);
    }
    const batch = createBatch(name, isSharded);
    this.#open.set(name, batch);
    return batch;
  }

  /** Sends what waits for the end of the tick, now. */
  flush(): void {
    if (this.#open.size === 0) return;
    const batches = this.#open.values();
    this.#open = new Map();
    for (const batch of batches) this.#publish(batch);
  }

  #send(batch: Batch): void {
    this.#open.delete(batch.name);
    this.#publish(batch);
  }

  #publish({ name, texts, isSharded, resolve }: Batch): void {
    const { join, publish } = this.#options;
    resolve(publish(name, join(texts), isSharded));
  }
}

function createBatch(name: string, isSharded: boolean): Batch {
  let resolve!: Batch['resolve'];
  const published = new Promise<number>((settle) => {
    resolve = settle;
  });
  // The end of a list.
  return { name, isSharded, texts: [], bytes: 1, published, resolve };
}
