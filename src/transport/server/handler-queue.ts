import type { ResolvedHandlerOptions } from '../../options/options.js';
import type { RequestKey } from '../publish-options.js';

/** A first-in-first-out queue whose ends are both cheap; `Array#shift` moves every element. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Keeps only what `isWanted`. */
  retain(isWanted: (item: T) => boolean): void {
    this.#items = (this.#items.slice(this.#head) as T[]).filter(isWanted);
    this.#head = 0;
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    if (this.#head < this.#items.length) this.#head++;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Why a queue gave a message up. */
export type QueueDropReason = 'cancelled' | 'closing' | 'overflow';

/** One message on its way to one handler. */
interface Task {
  readonly channel: string;
  /** Of a request. */
  readonly key: RequestKey | undefined;
  /** Gone once it was called or given up: what it holds may be large. */
  run: (() => Promise<unknown>) | undefined;
  /** Behind others of its channel, next in turn, or out of the queue. */
  state: 'behind' | 'ready' | 'started' | 'dropped';
}

/**
 * Bounds how many messages a handler works on, keeps the order per channel where that is asked for,
 * and gives messages up when too many wait.
 */
export class HandlerQueue {
  readonly #options: ResolvedHandlerOptions;
  readonly #onDrop: (channel: string, reason: QueueDropReason) => void;
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
    onDrop: (channel: string, reason: QueueDropReason) => void,
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

  /** Starts `run` now or when its turn comes. `run` must neither throw nor reject. `key`: of a request. */
  add(channel: string, run: () => Promise<unknown>, key?: RequestKey): void {
    const lane = this.#lanes.get(channel);
    const startsNow = !lane && this.#active < this.#options.concurrency;
    if (!startsNow && !this.#hasRoom(channel)) return;
    const task: Task = { channel, key, run, state: 'behind' };
    if (startsNow) {
      this.#claim(channel);
      this.#start(task);
      return;
    }
    this.#length++;
    this.#push(this.#waiting, task);
    // Making room may have given up all that stood in the way.
    const behind = this.#lanes.get(channel);
    if (behind) this.#push(behind, task);
    else this.#makeReady(task);
  }

  /** Gives up everything that waits. */
  clear(): void {
    while (this.#dropOldest('closing'));
  }

  /** Gives up the requests that wait and that nobody wants answered any more. */
  cancel(isCancelled: (key: RequestKey) => boolean): void {
    this.#waiting.retain((task) => {
      if (isWaiting(task) && task.key && isCancelled(task.key)) this.#drop(task, 'cancelled');
      return isWaiting(task);
    });
  }

  #hasRoom(channel: string): boolean {
    if (this.#length < this.#options.maxQueue) return true;
    if (this.#options.overflow === 'drop-oldest' && this.#dropOldest('overflow')) return true;
    this.#onDrop(channel, 'overflow');
    return false;
  }

  #dropOldest(reason: QueueDropReason): boolean {
    let oldest = this.#waiting.shift();
    while (oldest && !isWaiting(oldest)) oldest = this.#waiting.shift();
    if (!oldest) return false;
    this.#drop(oldest, reason);
    return true;
  }

  #drop(task: Task, reason: QueueDropReason): void {
    const wasReady = task.state === 'ready';
    task.state = 'dropped';
    task.run = undefined;
    this.#length--;
    if (wasReady) this.#release(task.channel);
    this.#onDrop(task.channel, reason);
  }

  #makeReady(task: Task): void {
    task.state = 'ready';
    this.#claim(task.channel);
    this.#push(this.#ready, task);
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
      if (!isWaiting(task)) continue;
      this.#length--;
      this.#start(task);
    }
  }

  /** From here on the other messages of a channel go behind. */
  #claim(channel: string): void {
    if (this.#options.order && !this.#lanes.has(channel)) this.#lanes.set(channel, new Fifo());
  }

  /** The next message of a channel may go on. */
  #release(channel: string): void {
    const lane = this.#lanes.get(channel);
    let next = lane?.shift();
    while (next && !isWaiting(next)) next = lane?.shift();
    if (next) this.#makeReady(next);
    else this.#lanes.delete(channel);
  }

  /** Clears out what is no longer waiting, before it outnumbers what is. */
  #push(queue: Fifo<Task>, task: Task): void {
    if (queue.length > 2 * this.#length + 16) queue.retain(isWaiting);
    queue.push(task);
  }
}

function isWaiting({ state }: Task): boolean {
  return state === 'behind' || state === 'ready';
}
