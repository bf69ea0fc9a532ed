import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { HandlerOptions } from '../../../../src/options/options.js';
import { resolveHandlerOptions } from '../../../../src/options/resolve-options.js';
import { HandlerQueue } from '../../../../src/transport/server/handler-queue.js';
import type { RequestKey } from '../../../../src/codec/codec.js';

/** A queue whose handlers run until the test ends them. */
class Bench {
  readonly started: string[] = [];
  readonly dropped: string[] = [];
  readonly queue: HandlerQueue;
  readonly #running = new Map<string, () => void>();

  constructor(options: HandlerOptions) {
    this.queue = new HandlerQueue(resolveHandlerOptions(options), (channel, reason) =>
      this.dropped.push(`${channel}: ${reason}`),
    );
  }

  /** Adds messages: the channel and a number, `a1`. */
  add(...messages: string[]): void {
    for (const message of messages) this.#add(message);
  }

  /** Adds messages of a size. */
  addSized(bytes: number, ...messages: string[]): void {
    for (const message of messages) this.#add(message, undefined, bytes);
  }

  /** Adds requests, with themselves as their ids. */
  request(...messages: string[]): void {
    for (const message of messages) this.#add(message, { id: message, replyTo: 'inbox' });
  }

  cancel(...messages: string[]): void {
    this.queue.cancel(({ id, replyTo }) => replyTo === 'inbox' && messages.includes(String(id)));
  }

  #add(message: string, key?: RequestKey, bytes?: number): void {
    const run = (): Promise<void> => {
      this.started.push(message);
      return new Promise((resolve) => this.#running.set(message, resolve));
    };
    this.queue.add(message.charAt(0), run, key, bytes);
  }

  /** Ends handlers that run, one after the other. */
  async end(...messages: string[]): Promise<void> {
    for (const message of messages) {
      this.#running.get(message)?.();
      this.#running.delete(message);
      await new Promise(setImmediate);
    }
  }
}

describe('HandlerQueue.isNeeded', () => {
  it.each([
    [{}, false],
    [{ maxQueue: 1 }, false],
    [{ concurrency: 5 }, true],
    [{ order: 'channel' }, true],
  ] as const)('is for %j: %j', (options, isNeeded) => {
    expect(HandlerQueue.isNeeded(resolveHandlerOptions(options))).toBe(isNeeded);
  });
});

describe('HandlerQueue', () => {
  it('starts messages at once while there is room, and the others in the order of arrival', async () => {
    const bench = new Bench({ concurrency: 2 });
    bench.add('a1', 'a2', 'b3', 'a4');
    expect(bench.started).toEqual(['a1', 'a2']);
    expect(bench.queue.length).toBe(2);
    await bench.end('a2');
    expect(bench.started).toEqual(['a1', 'a2', 'b3']);
    await bench.end('a1', 'b3');
    expect(bench.started).toEqual(['a1', 'a2', 'b3', 'a4']);
    expect(bench.queue.length).toBe(0);
  });

  it('starts one message of a channel at a time with order, and other channels in parallel', async () => {
    const bench = new Bench({ order: 'channel' });
    bench.add('a1', 'a2', 'b1', 'a3', 'b2');
    expect(bench.started).toEqual(['a1', 'b1']);
    await bench.end('b1', 'a1');
    expect(bench.started).toEqual(['a1', 'b1', 'b2', 'a2']);
    await bench.end('a2');
    expect(bench.started.at(-1)).toBe('a3');
    await bench.end('a3', 'b2');
    bench.add('a4');
    expect(bench.started.at(-1)).toBe('a4');
  });

  it('limits the running messages of a channel and of all channels', async () => {
    const bench = new Bench({ order: 'channel', concurrency: 2 });
    bench.add('a1', 'a2', 'b1', 'c1', 'c2');
    expect(bench.started).toEqual(['a1', 'b1']);
    await bench.end('a1');
    expect(bench.started).toEqual(['a1', 'b1', 'c1']);
    await bench.end('c1', 'b1');
    expect(bench.started).toEqual(['a1', 'b1', 'c1', 'a2', 'c2']);
  });

  it('drops the oldest message when it is full', async () => {
    const bench = new Bench({ concurrency: 1, maxQueue: 2 });
    bench.add('a1', 'b2', 'c3', 'd4', 'e5');
    expect(bench.dropped).toEqual(['b: overflow', 'c: overflow']);
    await bench.end('a1', 'd4', 'e5');
    expect(bench.started).toEqual(['a1', 'd4', 'e5']);
  });

  it('drops the newest message when it is full, with overflow "drop-newest"', async () => {
    const bench = new Bench({ concurrency: 1, maxQueue: 2, overflow: 'drop-newest' });
    bench.add('a1', 'b2', 'c3', 'd4', 'e5');
    expect(bench.dropped).toEqual(['d: overflow', 'e: overflow']);
    await bench.end('a1', 'b2', 'c3');
    expect(bench.started).toEqual(['a1', 'b2', 'c3']);
  });

  it('keeps the newest message of each channel in the place of the older, with overflow "latest"', async () => {
    const bench = new Bench({ concurrency: 1, overflow: 'latest' });
    bench.add('a1', 'b2', 'c3', 'b4', 'a5', 'b6', 'a7');
    expect(bench.dropped).toEqual(['b: conflated', 'b: conflated', 'a: conflated']);
    expect(bench.queue.length).toBe(3);
    await bench.end('a1', 'b6');
    bench.add('b8');
    await bench.end('c3', 'a7', 'b8');
    expect(bench.started).toEqual(['a1', 'b6', 'c3', 'a7', 'b8']);
  });

  it('drops the channel that has waited longest when it is full, with overflow "latest"', async () => {
    const bench = new Bench({ concurrency: 1, maxQueue: 2, overflow: 'latest' });
    bench.add('a1', 'b2', 'c3', 'd4', 'c5');
    expect(bench.dropped).toEqual(['b: overflow', 'c: conflated']);
    await bench.end('a1', 'c5', 'd4');
    expect(bench.started).toEqual(['a1', 'c5', 'd4']);
  });

  it('counts the bytes of the newest message only, with overflow "latest"', async () => {
    const bench = new Bench({ concurrency: 1, maxQueueBytes: 10, overflow: 'latest' });
    bench.add('a1');
    bench.addSized(4, 'b2');
    bench.addSized(8, 'b3');
    bench.addSized(3, 'c4');
    expect(bench.dropped).toEqual(['b: conflated', 'b: overflow']);
    bench.addSized(11, 'c5');
    expect(bench.dropped.slice(2)).toEqual(['c: conflated', 'c: overflow']);
    bench.addSized(10, 'd6');
    await bench.end('a1');
    expect([bench.started, bench.queue.length]).toEqual([['a1', 'd6'], 0]);
  });

  it('with order "channel" and overflow "latest" handles the first and the last of a burst', async () => {
    const bench = new Bench({ order: 'channel', overflow: 'latest' });
    bench.add('a1', 'a2', 'b3', 'a4', 'b5');
    expect(bench.started).toEqual(['a1', 'b3']);
    await bench.end('a1', 'b3', 'a4', 'b5');
    expect(bench.started).toEqual(['a1', 'b3', 'a4', 'b5']);
  });

  it.each(['drop-oldest', 'drop-newest', 'latest'] as const)(
    'with maxQueue 0 and %s lets nothing wait, and still runs what can start',
    async (overflow) => {
      const bench = new Bench({ concurrency: 1, maxQueue: 0, overflow });
      bench.add('a1', 'b2');
      expect([bench.started, bench.dropped]).toEqual([['a1'], ['b: overflow']]);
      await bench.end('a1');
      bench.add('c3');
      expect(bench.started).toEqual(['a1', 'c3']);
    },
  );

  it('drops the oldest messages until there are bytes for the new one', async () => {
    const bench = new Bench({ concurrency: 1, maxQueueBytes: 10 });
    bench.addSized(100, 'a1');
    bench.addSized(4, 'b2', 'c3');
    bench.addSized(8, 'd4');
    expect(bench.dropped).toEqual(['b: overflow', 'c: overflow']);
    await bench.end('a1', 'd4');
    bench.addSized(10, 'e5');
    expect(bench.started).toEqual(['a1', 'd4', 'e5']);
  });

  it('drops the newest message when there are no bytes for it, with overflow "drop-newest"', () => {
    const bench = new Bench({ concurrency: 1, maxQueueBytes: 10, overflow: 'drop-newest' });
    bench.addSized(1, 'a1');
    bench.addSized(6, 'b2', 'c3');
    bench.addSized(4, 'd4');
    expect(bench.dropped).toEqual(['c: overflow']);
    expect(bench.queue.length).toBe(2);
  });

  it('drops a message that is larger than the queue, and no other one for it', async () => {
    const bench = new Bench({ concurrency: 1, maxQueueBytes: 10 });
    bench.addSized(5, 'a1', 'b2');
    bench.addSized(11, 'c3');
    expect(bench.dropped).toEqual(['c: overflow']);
    await bench.end('a1', 'b2');
    expect(bench.started).toEqual(['a1', 'b2']);
  });

  it('has all its bytes again after messages were cancelled, cleared and handled', async () => {
    const bench = new Bench({ concurrency: 1, maxQueueBytes: 10, overflow: 'drop-newest' });
    bench.addSized(10, 'a1', 'b2');
    await bench.end('a1');
    bench.addSized(10, 'c3');
    bench.queue.clear();
    bench.queue.add('d', async () => undefined, { id: 'd4', replyTo: 'inbox' }, 10);
    bench.cancel('d4');
    bench.addSized(10, 'e5');
    expect(bench.dropped).toEqual(['c: closing', 'd: cancelled']);
    expect(bench.queue.length).toBe(1);
  });

  it('tells whether a message waits', () => {
    const { queue } = new Bench({ concurrency: 1, maxQueue: 1, overflow: 'drop-newest' });
    expect([1, 2, 3].map(() => queue.add('a', busy))).toEqual([false, true, false]);
  });

  it('frees the place of a handler that rejects', async () => {
    const { queue } = new Bench({ concurrency: 1 });
    let hasStarted = false;
    queue.add('a', () => Promise.reject(new Error('not expected')));
    queue.add('a', async () => {
      hasStarted = true;
    });
    await new Promise(setImmediate);
    expect(hasStarted).toBe(true);
  });

  it('takes a bounded number of channels with order, however many are made up', () => {
    const queue = new HandlerQueue(resolveHandlerOptions({ order: 'channel' }), () => dropped++);
    let started = 0;
    let dropped = 0;
    const run = (): Promise<never> => {
      started++;
      return busy();
    };
    for (let i = 0; i < 50_000; i++) queue.add(`channel.${i}`, run);
    expect([started, queue.length, dropped]).toEqual([1_000, 10_000, 39_000]);
  });

  it('continues with a channel whose waiting messages were all dropped', async () => {
    const bench = new Bench({ order: 'channel', maxQueue: 1 });
    bench.add('a1', 'a2', 'b1', 'b2');
    expect(bench.dropped).toEqual(['a: overflow']);
    await bench.end('a1', 'b1');
    bench.add('a3');
    expect(bench.started).toEqual(['a1', 'b1', 'b2', 'a3']);
  });

  it('drops each waiting message at clear, and lets running handlers finish', async () => {
    const bench = new Bench({ order: 'channel', concurrency: 2 });
    bench.add('a1', 'a2', 'b1', 'c1');
    bench.queue.clear();
    expect(bench.dropped).toEqual(['a: closing', 'c: closing']);
    expect(bench.queue.length).toBe(0);
    await bench.end('a1', 'b1');
    expect(bench.started).toEqual(['a1', 'b1']);
    bench.add('a3', 'a4', 'b2');
    expect(bench.started).toEqual(['a1', 'b1', 'a3', 'b2']);
  });

  it('keeps the order of a channel across a clear', async () => {
    const bench = new Bench({ order: 'channel' });
    bench.add('a1');
    bench.queue.clear();
    bench.add('a2');
    expect(bench.started).toEqual(['a1']);
    await bench.end('a1');
    expect(bench.started).toEqual(['a1', 'a2']);
  });
});

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('HandlerQueue#cancel', () => {
  it('removes a waiting request, and lets running handlers finish', async () => {
    const bench = new Bench({ concurrency: 1, maxQueue: 3, overflow: 'drop-newest' });
    bench.request('a1', 'a2');
    bench.add('a3');
    bench.request('a4');
    bench.cancel('a1', 'a2', 'a3', 'a4');
    expect(bench.dropped).toEqual(['a: cancelled', 'a: cancelled']);
    expect(bench.queue.length).toBe(1);
    bench.request('b5', 'b6');
    expect(bench.dropped).toHaveLength(2);
    await bench.end('a1', 'a3', 'b5', 'b6');
    expect(bench.started).toEqual(['a1', 'a3', 'b5', 'b6']);
    expect(bench.queue.length).toBe(0);
  });

  it('lets the next request of the channel start', async () => {
    const bench = new Bench({ concurrency: 1, order: 'channel' });
    bench.request('a1', 'b2', 'b3', 'a4', 'a5');
    bench.cancel('b2', 'a4');
    await bench.end('a1', 'a5', 'b3', 'a5');
    expect(bench.started.toSorted()).toEqual(['a1', 'a5', 'b3']);
  });
});

/** Adds a message, and returns a weak reference to it. */
function addTracked(queue: HandlerQueue, channel: string): WeakRef<object> {
  const payload = {};
  queue.add(channel, () => Promise.resolve(payload));
  return new WeakRef(payload);
}

/** Whether a message is still in memory after a garbage collection. */
async function isHeld(message: WeakRef<object>): Promise<boolean> {
  await new Promise(setImmediate);
  collectGarbage();
  return message.deref() !== undefined;
}

const busy = () => new Promise<never>(() => undefined);

describe('the memory of a queue', () => {
  it('holds no message that was handled', async () => {
    const queue = new HandlerQueue(resolveHandlerOptions({ concurrency: 1 }), () => undefined);
    queue.add('a', () => Promise.resolve());
    expect(await isHeld(addTracked(queue, 'a'))).toBe(false);
  });

  it('holds no message that was dropped while the handler is busy', async () => {
    const queue = new HandlerQueue(
      resolveHandlerOptions({ concurrency: 1, maxQueue: 1 }),
      () => undefined,
    );
    queue.add('a', busy);
    const message = addTracked(queue, 'a');
    queue.add('a', busy);
    expect(await isHeld(message)).toBe(false);
  });

  it('holds no message that was handled while another channel is busy', async () => {
    const queue = new HandlerQueue(resolveHandlerOptions({ order: 'channel' }), () => undefined);
    queue.add('a', busy);
    queue.add('a', busy);
    queue.add('b', () => Promise.resolve());
    const message = addTracked(queue, 'b');
    expect(await isHeld(message)).toBe(false);
  });

  it.each([{}, { order: 'channel' as const }])(
    'does not grow with dropped messages while a handler never ends: %o',
    (options) => {
      const limits = { concurrency: 1, maxQueue: 10, ...options };
      const queue = new HandlerQueue(resolveHandlerOptions(limits), () => undefined);
      queue.add('a', busy);
      collectGarbage();
      const before = process.memoryUsage().heapUsed;
      for (let i = 0; i < 200_000; i++) queue.add('a', busy);
      collectGarbage();
      expect(process.memoryUsage().heapUsed - before).toBeLessThan(3_000_000);
      expect(queue.length).toBe(10);
    },
  );
});

describe('HandlerQueue, with AsyncLocalStorage,', () => {
  it('starts no message in the context that another one has entered', async () => {
    const storage = new AsyncLocalStorage<string>();
    const queue = new HandlerQueue(resolveHandlerOptions({ concurrency: 1 }), () => undefined);
    const seen: (string | undefined)[] = [];
    for (const message of ['first', 'second', 'third']) {
      queue.add('a', async () => {
        seen.push(storage.getStore());
        storage.enterWith(message);
      });
    }
    await new Promise(setImmediate);
    expect([...seen, storage.getStore()]).toEqual([undefined, undefined, undefined, undefined]);
  });
});
