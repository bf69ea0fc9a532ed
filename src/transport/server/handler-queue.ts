import type { RequestKey } from '../../codec/codec.js';
import { runIsolated } from '../../shared/async-context.js';
import type { ResolvedHandlerOptions } from '../../options/resolve-options.js';

/** Why a queue dropped a message. */
export type QueueDropReason = 'cancelled' | 'closing' | 'conflated' | 'overflow';

/** One message for one handler. */
interface Task {
  readonly channel: string;
  /** The key of a request. */
  readonly key: RequestKey | undefined;
  bytes: number;
  /** Removed when the task has started or is dropped: what it refers to may be large. */
  run: (() => Promise<unknown>) | undefined;
  /** Waits for another message of its channel, waits for its turn, or has left the queue. */
  state: 'blocked' | 'ready' | 'started' | 'dropped';
}

/**
 * Limits how many messages a handler handles at the same time, keeps the order of each channel with
 * `order: 'channel'`, and drops messages when too many wait. With `overflow: 'latest'` one of each channel waits.
 */
export class HandlerQueue {
  readonly #options: ResolvedHandlerOptions;
  readonly #onDrop: (channel: string, reason: QueueDropReason) => void;
  /** Tasks that may start as soon as there is room. */
  readonly #ready = new Fifo<Task>();
  /** With `order: 'channel'`: the blocked tasks of each channel that has a task ready or running. */
  readonly #blocked = new Map<string, Fifo<Task>>();
  /** All tasks that wait, oldest first, among some that have left the queue. */
  readonly #waiting = new Fifo<Task>();
  /** With `overflow: 'latest'`: the task of each channel that has one waiting. */
  readonly #latest: Map<string, Task> | undefined;
  #length = 0;
  #bytes = 0;
  #active = 0;

  constructor(
    options: ResolvedHandlerOptions,
    onDrop: (channel: string, reason: QueueDropReason) => void,
  ) {
    this.#options = options;
    this.#onDrop = onDrop;
    if (options.overflow === 'latest') this.#latest = new Map();
  }

  /** Whether a handler with these options needs a queue. */
  static isNeeded({ concurrency, order }: ResolvedHandlerOptions): boolean {
    return concurrency !== Infinity || order !== undefined;
  }

  /** The number of messages that wait. */
  get length(): number {
    return this.#length;
  }

  /**
   * Starts `run` now, or when it is its turn. `run` must neither throw nor reject. `key` is that of a request, and
   * `bytes` the size of the message. Returns whether the message waits.
   */
  add(channel: string, run: () => Promise<unknown>, key?: RequestKey, bytes = 0): boolean {
    const startsNow = !this.#blocked.has(channel) && this.#active < this.#options.concurrency;
    if (this.#latest && this.#replace(this.#latest, channel, run, bytes)) return true;
    if (!startsNow && !this.#makeRoom(channel, bytes)) return false;
    const task: Task = { channel, key, bytes, run, state: 'blocked' };
    if (startsNow) {
      this.#block(channel);
      this.#start(task);
      return false;
    }
    this.#length++;
    this.#bytes += bytes;
    this.#latest?.set(channel, task);
    this.#push(this.#waiting, task);
    // Making room may have dropped the tasks that blocked this channel.
    const blocked = this.#blocked.get(channel);
    if (blocked) this.#push(blocked, task);
    else this.#setReady(task);
    return true;
  }

  /** Drops every message that waits. */
  clear(): void {
    while (this.#dropOldest('closing'));
  }

  /** Drops the waiting requests that their clients have cancelled. */
  cancel(isCancelled: (key: RequestKey) => boolean): void {
    this.#waiting.retain((task) => {
      if (isWaiting(task) && task.key && isCancelled(task.key)) this.#drop(task, 'cancelled');
      return isWaiting(task);
    });
  }

  /** Puts a message into the place of the one of its channel that waits. Returns whether there is room for it. */
  #replace(
    latest: ReadonlyMap<string, Task>,
    channel: string,
    run: () => Promise<unknown>,
    bytes: number,
  ): boolean {
    const task = latest.get(channel);
    if (!task) return false;
    const total = this.#bytes - task.bytes + bytes;
    if (total > this.#options.maxQueueBytes) {
      this.#drop(task, 'conflated');
      return false;
    }
    this.#bytes = total;
    task.bytes = bytes;
    task.run = run;
    this.#onDrop(channel, 'conflated');
    return true;
  }

  #makeRoom(channel: string, bytes: number): boolean {
    const { maxQueue, maxQueueBytes, overflow } = this.#options;
    const canFit = bytes <= maxQueueBytes && overflow !== 'drop-newest';
    while (this.#length >= maxQueue || this.#bytes + bytes > maxQueueBytes) {
      if (canFit && this.#dropOldest('overflow')) continue;
      this.#onDrop(channel, 'overflow');
      return false;
    }
    return true;
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
    this.#leave(task);
    if (wasReady) this.#unblock(task.channel);
    this.#onDrop(task.channel, reason);
  }

  /** A task does not wait any longer. */
  #leave({ channel, bytes }: Task): void {
    this.#length--;
    this.#bytes -= bytes;
    this.#latest?.delete(channel);
  }

  #setReady(task: Task): void {
    task.state = 'ready';
    this.#block(task.channel);
    this.#push(this.#ready, task);
  }

  #start(task: Task): void {
    const { run } = task;
    if (!run) return;
    task.state = 'started';
    task.run = undefined;
    this.#active++;
    const end = (): void => {
      this.#active--;
      this.#unblock(task.channel);
      this.#startReady();
    };
    // The end of one message starts the next, which must not run in its context.
    void runIsolated(run).then(end, end);
  }

  #startReady(): void {
    while (this.#active < this.#options.concurrency) {
      const task = this.#ready.shift();
      if (!task) return;
      if (!isWaiting(task)) continue;
      this.#leave(task);
      this.#start(task);
    }
  }

  /** Blocks the later messages of a channel. */
  #block(channel: string): void {
    if (this.#options.order && !this.#blocked.has(channel)) {
      this.#blocked.set(channel, new Fifo());
    }
  }

  /** Makes the next message of a channel ready. */
  #unblock(channel: string): void {
    const blocked = this.#blocked.get(channel);
    let next = blocked?.shift();
    while (next && !isWaiting(next)) next = blocked?.shift();
    if (next) this.#setReady(next);
    else this.#blocked.delete(channel);
  }

  /** Removes the tasks that have left a queue before they outnumber those that wait. */
  #push(queue: Fifo<Task>, task: Task): void {
    if (queue.length > 2 * this.#length + 16) queue.retain(isWaiting);
    queue.push(task);
  }
}

function isWaiting({ state }: Task): boolean {
  return state === 'blocked' || state === 'ready';
}

/** A first-in-first-out queue with cheap ends: `Array#shift` moves every element. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Removes the items for which `isKept` returns `false`. */
  retain(isKept: (item: T) => boolean): void {
    this.#items = (this.#items.slice(this.#head) as T[]).filter(isKept);
    this.#head = 0;
  }

  /** Removes and returns the first item. */
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
