import type { ChannelKind } from '../channel/subscription-key.js';

/** A slice has the messages of this time. */
const SLICE_MS = 10_000;

/** How long a message is remembered at least. It is forgotten with its slice. */
const MEMORY_MS = 60_000;

/** A channel on which messages reached no subscription. */
export interface RecentChannel {
  /** Redis' name. */
  readonly name: string;
  readonly kind: ChannelKind;
  readonly count: number;
  /** When the last one was published, in milliseconds since 1970. */
  readonly lastAt: number;
}

interface Entry {
  count: number;
  lastAt: number;
}

interface Slice {
  readonly from: number;
  readonly channel: Map<string, Entry>;
  readonly shard: Map<string, Entry>;
  /** Whether it had no room for a channel. */
  isFull: boolean;
}

/** Remembers the channels of the last minute, and how many messages each had. Bounded, whatever is published. */
export class RecentChannels {
  readonly #limit: number;
  /** The newest is the last one. */
  #slices: Slice[] = [];

  /** `limit`: of how many channels a slice knows. */
  constructor(limit = 1_000) {
    this.#limit = limit;
  }

  /** Adds a message. Runs for each that reached no subscription. */
  add(name: string, kind: ChannelKind, now = Date.now()): void {
    const slice = this.#sliceOf(now);
    const channels = slice[kind];
    const entry = channels.get(name);
    if (entry) {
      entry.count++;
      entry.lastAt = now;
    } else if (channels.size < this.#limit) channels.set(name, { count: 1, lastAt: now });
    else slice.isFull = true;
  }

  /** The channels of the last minute, those with the most messages first. */
  list(now = Date.now()): { readonly channels: RecentChannel[]; readonly hasMore: boolean } {
    this.#forgetOld(now);
    const channels = [...this.#sum('channel'), ...this.#sum('shard')].toSorted(
      (one, other) => other.count - one.count,
    );
    const hasMore = channels.length > this.#limit || this.#slices.some(({ isFull }) => isFull);
    return { channels: channels.slice(0, this.#limit), hasMore };
  }

  #sum(kind: ChannelKind): Iterable<RecentChannel> {
    const sums = new Map<string, RecentChannel>();
    for (const slice of this.#slices) {
      for (const [name, { count, lastAt }] of slice[kind]) {
        sums.set(name, { name, kind, count: count + (sums.get(name)?.count ?? 0), lastAt });
      }
    }
    return sums.values();
  }

  #sliceOf(now: number): Slice {
    const last = this.#slices.at(-1);
    // A clock that was set back must not keep a slice open for hours.
    if (last && now - last.from < SLICE_MS && now >= last.from) return last;
    this.#forgetOld(now);
    const slice = { from: now, channel: new Map(), shard: new Map(), isFull: false };
    this.#slices.push(slice);
    return slice;
  }

  #forgetOld(now: number): void {
    this.#slices = this.#slices.filter(
      ({ from }) => from <= now && now - from < MEMORY_MS + SLICE_MS,
    );
  }
}
