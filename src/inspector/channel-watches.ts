import { ChannelWatch, type WatchTarget } from './channel-watch.js';
import type { WatchedChannel } from './page-data.js';

/** The most channels that are observed at the same time, for all readers. */
const MAX_WATCHES = 20;

interface OpenWatch {
  readonly watch: ChannelWatch;
  timer: NodeJS.Timeout;
}

/** The channels that readers look at. Readers of one channel share its observation, which ends after the last of them. */
export class ChannelWatches {
  readonly #open = new Map<string, OpenWatch>();

  /** A channel that was not asked for in `idleMs` is not observed any more. */
  constructor(private readonly idleMs: number) {}

  /** What is known of a channel. The first reader opens its observation. */
  read(transport: string, target: WatchTarget): WatchedChannel {
    const key = JSON.stringify([transport, target.sharded, target.channel]);
    const open = this.#open.get(key);
    if (open) {
      open.timer.refresh();
      return open.watch.read();
    }
    if (this.#open.size >= MAX_WATCHES) this.#closeEnded();
    if (this.#open.size >= MAX_WATCHES) return tooMany();
    const watch = new ChannelWatch();
    watch.open(target);
    this.#open.set(key, { watch, timer: setTimeout(() => this.#close(key), this.idleMs).unref() });
    return watch.read();
  }

  /** Ends all observations. */
  close(): void {
    for (const key of this.#open.keys()) this.#close(key);
  }

  /** A reader of one that has failed begins again. */
  #closeEnded(): void {
    for (const [key, { watch }] of this.#open) if (watch.hasEnded) this.#close(key);
  }

  #close(key: string): void {
    const open = this.#open.get(key);
    this.#open.delete(key);
    clearTimeout(open?.timer);
    open?.watch.close();
  }
}

function tooMany(): WatchedChannel {
  return {
    status: 'failed',
    error: `${MAX_WATCHES} channels are being shown already; it works again when a reader leaves one`,
    since: Date.now(),
    received: 0,
    entries: [],
  };
}
