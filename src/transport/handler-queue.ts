import type { ResolvedHandlerOptions } from '../options.js';
import { Fifo } from './fifo.js';

/** One message on its way to one handler. */
interface Task {
  readonly channel: string;
  /** Gone once it was called or given up: what it holds may be large. */
  run: (() => Promise<unknown>) | undefined;
  state: 'waiting' | 'started' | 'dropped';
}

/**
 * Bounds how many messages a handler works on, keeps the order per channel where that is asked for,
 * and gives messages up when too many wait.
 */
export class HandlerQueue {
  readonly #options: ResolvedHandlerOptions;
  readonly #onDrop: (channel: string, reason: 'overflow' | 'closing') => void;
  /** What may start as soon as there is room. */
  readonly #ready = new Fifo<Task>();
  /** With `order: 'channel'`: for each channel with a task ready or running, those behind it. */
  readonly #lanes = new Map<string, Fifo<Task>>();
  /** All that wait, oldest first, among some that no longer do. */
  readonly #waiting = new Fifo<Task>();
  #length = 0;
  #active = 0;

  constructor(
    options: ResolvedHandlerOptions,
    onDrop: (channel: string, reason: 'overflow' | 'closing') => void,
  ) {
    this.#options = options;
    this.#onDrop = onDrop;
  }

  /** Whether these options ask for a queue at all. */
  static isNeeded({ concurrency, order }: ResolvedHandlerOptions): boolean {
    return concurrency !== Infinity || order !== undefined;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#length;
  }

  /** Starts `run` now or when its turn comes. `run` must neither throw nor reject. */
  add(channel: string, run: () => Promise<unknown>): void {
    const task: Task = { channel, run, state: 'waiting' };
    const lane = this.#lanes.get(channel);
    const startsNow = !lane && this.#active < this.#options.concurrency;
    if (!startsNow && !this.#hasRoom(channel)) return;
    if (!lane && this.#options.order) this.#lanes.set(channel, new Fifo());
    if (startsNow) {
      this.#start(task);
      return;
    }
    this.#length++;
    this.#forgetSettled();
    this.#waiting.push(task);
    (lane ?? this.#ready).push(task);
  }

  /** Gives up everything that waits. */
  clear(): void {
    while (this.#dropOldest('closing'));
  }

  #hasRoom(channel: string): boolean {
    if (this.#length < this.#options.maxQueue) return true;
    if (this.#options.overflow === 'drop-oldest' && this.#dropOldest('overflow')) return true;
    this.#onDrop(channel, 'overflow');
    return false;
  }

  #dropOldest(reason: 'overflow' | 'closing'): boolean {
    let oldest = this.#waiting.shift();
    while (oldest && oldest.state !== 'waiting') oldest = this.#waiting.shift();
    if (!oldest) return false;
    oldest.state = 'dropped';
    oldest.run = undefined;
    this.#length--;
    this.#onDrop(oldest.channel, reason);
    return true;
  }

  #start(task: Task): void {
    const { run } = task;
    if (!run) return;
    task.state = 'started';
    task.run = undefined;
    this.#active++;
    void run().then(() => {
      this.#active--;
      this.#release(task.channel);
      this.#startReady();
    });
  }

  #startReady(): void {
    while (this.#active < this.#options.concurrency) {
      const task = this.#ready.shift();
      if (!task) return;
      if (task.state === 'dropped') {
        this.#release(task.channel);
        continue;
      }
      this.#length--;
      this.#start(task);
    }
  }

  /** The next message of a channel may go on. */
  #release(channel: string): void {
    const lane = this.#lanes.get(channel);
    const next = lane?.shift();
    if (next) this.#ready.push(next);
    else this.#lanes.delete(channel);
  }

  /** What started out of turn stands in `#waiting` behind what did not: clears it out by halves. */
  #forgetSettled(): void {
    if (this.#waiting.length <= 2 * this.#length + 16) return;
    this.#waiting.retain(({ state }) => state === 'waiting');
  }
}
