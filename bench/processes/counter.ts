// A process that counts what does not depend on the machine. It needs `--expose-gc`, and a young generation that
// holds all that is allocated during a count: a collection in between would hide it.
import { setImmediate } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { RedisPubSubClient } from 'nestjs-redis-pubsub';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import { eventController } from '../candidates/controllers.js';
import { emitWith } from '../candidates/nest-client.js';
import { createServer } from '../candidates/ours.js';
import { createObserver } from '../candidates/our-observer.js';
import { serve } from '../candidates/serve.js';
import { EVERY_CHANNEL, channelName } from '../workload/channels.js';
import { dataOf, SMALL } from '../workload/payloads.js';

/** What happened in this process since the start of a count. */
export interface Counts {
  /** Bytes of the heap. */
  readonly allocated: number;
  readonly timers: number;
  readonly writes: number;
}

const arrivals = new ArrivalCounter();
const data = dataOf(SMALL);
let client: RedisPubSubClient;
let allocatedBefore = 0;
let timers = 0;
let writes = 0;

const { setTimeout, setInterval } = globalThis;
globalThis.setTimeout = counted(setTimeout, () => timers++);
globalThis.setInterval = counted(setInterval, () => timers++);

const commands = {
  async handle(port: number): Promise<void> {
    await serve(
      eventController([EVERY_CHANNEL], () => arrivals.increment()),
      createServer(port),
    );
  },

  async observe(port: number): Promise<void> {
    const observer = await createObserver({ port, onData: () => arrivals.increment() });
    observer.observe(channelName(0));
  },

  async connect(port: number, batchPublishes: boolean): Promise<void> {
    client = new RedisPubSubClient({ connection: `redis://127.0.0.1:${port}`, batchPublishes });
    await client.connect();
    const [publisher] = client.unwrap<[Redis, Redis]>();
    countWrites(publisher);
  },

  /** Starts a count of `count` messages that arrive. */
  async expect(count: number): Promise<void> {
    await start();
    arrivals.expect(count);
  },

  async received(): Promise<Counts> {
    await arrivals.completed();
    return counts();
  },

  /** Emits `ticks` times `size` events in one tick. */
  async emit(ticks: number, size: number): Promise<Counts> {
    await start();
    const emit = emitWith(client);
    for (let i = 0; i < ticks; i++) {
      await Promise.all(Array.from({ length: size }, () => emit(channelName(0), data)));
    }
    return counts();
  },
};

export type CounterCommands = typeof commands;

serveCommands(commands);

async function start(): Promise<void> {
  globalThis.gc?.();
  await setImmediate();
  allocatedBefore = process.memoryUsage().heapUsed;
  timers = writes = 0;
}

function counts(): Counts {
  return { allocated: process.memoryUsage().heapUsed - allocatedBefore, timers, writes };
}

/** `work`, with a call of `count` before each call. */
function counted<Work extends object>(work: Work, count: () => void): Work {
  return new Proxy(work, {
    apply(target, receiver, args) {
      count();
      return Reflect.apply(target as never, receiver, args);
    },
  });
}

/** Counts the calls that pass bytes to the operating system, and not those of the stream above. */
function countWrites({ stream }: Redis): void {
  const { _handle: handle } = stream as unknown as { _handle: Record<string, object> };
  for (const name of ['writev', 'writeBuffer', 'writeUtf8String', 'writeLatin1String']) {
    const write = handle[name];
    if (write) handle[name] = counted(write, () => writes++);
  }
}
