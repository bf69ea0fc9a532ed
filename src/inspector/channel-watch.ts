import type { Subscription } from 'rxjs';
import { messageOf } from '../errors.js';
import type { PubSubMessage } from '../module/message-observer.js';
import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type { WatchedChannel, WatchedEntry } from './page-data.js';
import { payloadText } from './payload-text.js';

/** The most entries that are kept of a channel. */
const MAX_ENTRIES = 50;
/** The most characters that a page shows of a payload. */
const MAX_LENGTH = 2_000;

/** A message, whose text is made when a page asks for it first: in a flood, most messages leave before. */
interface KeptMessage {
  readonly kind: 'message';
  readonly key: number;
  readonly time: number;
  readonly message: PubSubMessage;
}

type KeptEntry = KeptMessage | WatchedEntry;

/** Which channel to observe. */
export interface WatchTarget {
  readonly service: Pick<RedisPubSubService, 'observe'>;
  readonly channel: string;
  readonly sharded: boolean;
}

/** Observes a channel, and keeps its newest messages. */
export class ChannelWatch {
  readonly #since = Date.now();
  #entries: KeptEntry[] = [];
  #status: WatchedChannel['status'] = 'subscribing';
  #error: string | undefined;
  #received = 0;
  #keys = 0;
  #subscription: Subscription | undefined;

  /** Begins. An error is the status from then on. */
  open({ service, channel, sharded }: WatchTarget): void {
    try {
      const messages = service.observe(channel, {
        sharded,
        onSubscribed: (gap) => {
          this.#status = 'subscribed';
          if (gap) this.#keep({ kind: 'gap', from: gap.from.getTime() });
        },
        onLost: ({ count }) => this.#keep({ kind: 'lost', count }),
      });
      this.#subscription = messages.subscribe({
        next: (message) => {
          this.#received += 1;
          this.#keep({ kind: 'message', message });
        },
        error: (error: unknown) => this.#fail(error),
        complete: () => {
          this.#status = 'closed';
        },
      });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Whether it observes no more: Redis has refused, or the application is closing. */
  get hasEnded(): boolean {
    return this.#status === 'failed' || this.#status === 'closed';
  }

  /** What is known of the channel at this moment. */
  read(): WatchedChannel {
    const shownEntries = this.#entries.map(shown);
    // The text of a message is made once, however often it is shown.
    this.#entries = shownEntries;
    return {
      status: this.#status,
      error: this.#error,
      since: this.#since,
      received: this.#received,
      entries: shownEntries.toReversed(),
    };
  }

  /** Ends the observation. */
  close(): void {
    this.#subscription?.unsubscribe();
  }

  #fail(error: unknown): void {
    this.#status = 'failed';
    this.#error = messageOf(error);
  }

  #keep(entry: NewEntry): void {
    this.#keys += 1;
    this.#entries.push({ ...entry, key: this.#keys, time: Date.now() });
    if (this.#entries.length > MAX_ENTRIES) this.#entries.shift();
  }
}

type WithoutPlace<Entry> = Entry extends unknown ? Omit<Entry, 'key' | 'time'> : never;
type NewEntry = WithoutPlace<KeptMessage | Exclude<WatchedEntry, { readonly kind: 'message' }>>;

function shown(entry: KeptEntry): WatchedEntry {
  if (!('message' in entry)) return entry;
  const { message, ...place } = entry;
  return { ...place, ...payloadText(message.data, MAX_LENGTH), id: message.id };
}
