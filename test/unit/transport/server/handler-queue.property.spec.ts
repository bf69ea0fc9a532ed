import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HandlerOptions } from '../../../../src/options/options.js';
import { resolveHandlerOptions } from '../../../../src/options/resolve-options.js';
import { Fifo, HandlerQueue } from '../../../../src/transport/server/handler-queue.js';

type Step =
  | { readonly do: 'add'; readonly channel: string }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'clear' };

const channels = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: channels.map((channel) => ({ do: 'add' as const, channel })) },
  { weight: 8, arbitrary: fc.nat(9).map((which) => ({ do: 'end' as const, which })) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
);
const handlerOptions: fc.Arbitrary<HandlerOptions> = fc.record({
  concurrency: fc.constantFrom(1, 2, 3, Infinity),
  order: fc.constantFrom('channel', undefined),
  maxQueue: fc.constantFrom(0, 1, 2, 5, Infinity),
  overflow: fc.constantFrom('drop-oldest', 'drop-newest', 'latest'),
});

interface Task {
  readonly id: number;
  readonly channel: string;
  readonly end: () => void;
}

/** Runs steps against a queue, and records each promise that the queue breaks. */
class Run {
  readonly #options: HandlerOptions;
  readonly #queue: HandlerQueue;
  readonly #started: { id: number; channel: string }[] = [];
  readonly #dropped: string[] = [];
  readonly #added: string[] = [];
  readonly #broken = new Set<string>();
  #running: Task[] = [];

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#queue = new HandlerQueue(resolveHandlerOptions(options), (channel) =>
      this.#dropped.push(channel),
    );
  }

  async play(steps: readonly Step[]): Promise<string[]> {
    for (const it of steps) {
      if (it.do === 'add') this.#add(it.channel);
      else if (it.do === 'clear') this.#queue.clear();
      else await this.#end(it.which);
      this.#check();
    }
    while (this.#running.length > 0) await this.#end(0);
    this.#checkEnd();
    return [...this.#broken];
  }

  #add(channel: string): void {
    const id = this.#added.push(channel);
    this.#queue.add(channel, () => {
      this.#started.push({ id, channel });
      return new Promise<void>((end) => this.#running.push({ id, channel, end }));
    });
  }

  async #end(which: number): Promise<void> {
    const task = this.#running[which % this.#running.length];
    if (!task) return;
    this.#running = this.#running.filter((it) => it !== task);
    task.end();
    // The queue starts the next handler in a microtask after the last one has ended.
    await Promise.resolve();
  }

  #promise(what: string, isKept: boolean): void {
    if (!isKept) this.#broken.add(what);
  }

  #check(): void {
    const { concurrency = Infinity, maxQueue = Infinity, order, overflow } = this.#options;
    const waiting = this.#added.length - this.#started.length - this.#dropped.length;
    this.#promise('at most `concurrency` run', this.#running.length <= concurrency);
    this.#promise('at most `maxQueue` wait', this.#queue.length <= maxQueue);
    this.#promise('the length is correct', this.#queue.length === waiting);
    if (overflow === 'latest') {
      const channelCount = new Set(this.#added).size;
      this.#promise('one of a channel waits', this.#queue.length <= channelCount);
    }
    if (order) {
      const busy = this.#running.map(({ channel }) => channel);
      this.#promise('one of a channel at a time', new Set(busy).size === busy.length);
    } else if (waiting > 0) {
      this.#promise('nothing waits needlessly', this.#running.length === concurrency);
    }
  }

  #checkEnd(): void {
    const ids = this.#started.map(({ id }) => id);
    const handled = [...this.#started.map(({ channel }) => channel), ...this.#dropped];
    this.#promise('nothing runs twice', new Set(ids).size === ids.length);
    this.#promise('nothing is left', this.#queue.length === 0);
    this.#promise(
      'each is run or dropped',
      handled.toSorted().join('') === this.#added.toSorted().join(''),
    );
    for (const channel of new Set(this.#added)) {
      const mine = this.#started.filter((it) => it.channel === channel).map(({ id }) => id);
      const inOrder = mine.every((id, i) => i === 0 || id > (mine[i - 1] ?? id));
      this.#promise('the order of a channel', inOrder);
    }
  }
}

describe('HandlerQueue, for any steps', () => {
  it('respects its limits and orders, and runs or drops each message once', async () => {
    await fc.assert(
      fc.asyncProperty(
        handlerOptions,
        fc.array(step, { maxLength: 60 }),
        async (options, steps) => {
          const withoutClear = steps.filter((it) => it.do !== 'clear');
          expect(await new Run(options).play(withoutClear)).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('does so with calls of clear, too', async () => {
    await fc.assert(
      fc.asyncProperty(
        handlerOptions,
        fc.array(step, { maxLength: 60 }),
        async (options, steps) => {
          expect(await new Run(options).play(steps)).toEqual([]);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('a FIFO', () => {
  it('returns items in the order of arrival', () => {
    const fifo = new Fifo<number>();
    for (const item of [1, 2, 3]) fifo.push(item);
    expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([1, 2, 3, undefined]);
  });

  it('keeps the items that the predicate accepts, in their order', () => {
    const fifo = new Fifo<number>();
    for (const item of [1, 2, 3, 4, 5]) fifo.push(item);
    fifo.shift();
    fifo.retain((item) => item !== 3);
    expect(fifo.length).toBe(3);
    expect([fifo.shift(), fifo.shift(), fifo.shift(), fifo.shift()]).toEqual([2, 4, 5, undefined]);
  });

  it('behaves like an array, in any order of calls', () => {
    const step = fc.constantFrom('push', 'push', 'push', 'shift', 'retain');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const fifo = new Fifo<number>();
        let array: number[] = [];
        const taken: [number | undefined, number | undefined][] = [];
        for (const [i, it] of steps.entries()) {
          if (it === 'push') {
            fifo.push(i);
            array.push(i);
          } else if (it === 'shift') {
            taken.push([fifo.shift(), array.shift()]);
          } else {
            fifo.retain((item) => item % 3 !== 0);
            array = array.filter((item) => item % 3 !== 0);
          }
          expect(fifo.length).toBe(array.length);
        }
        expect(taken.map(([ours]) => ours)).toEqual(taken.map(([, theirs]) => theirs));
      }),
    );
  });

  it('returns 300,000 items in their order', () => {
    const fifo = new Fifo<number>();
    const count = 300_000;
    for (let i = 0; i < count; i++) fifo.push(i);
    let sum = 0;
    for (let i = 0; i < count; i++) sum += fifo.shift() ?? Number.NaN;
    expect(sum).toBe((count * (count - 1)) / 2);
  });
});
