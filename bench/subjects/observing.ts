// A process that observes many channels; with `--expose-gc`.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { Arrivals } from '../harness/arrivals.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import {
  loadObserver,
  observeRange,
  type Observer,
  type ObserverName,
} from '../participants/observer.js';

/** What a process holds after a garbage collection, in bytes. */
export interface Memory {
  readonly heap: number;
  readonly rss: number;
}

const NANOSECONDS = 1_000_000;
/** How often the event loop is looked at, in milliseconds. */
const RESOLUTION = 1;

const arrivals = new Arrivals();
const latencies = new Latencies();
const loop = monitorEventLoopDelay({ resolution: RESOLUTION });
let observer: Observer;

const commands = {
  async connect(name: ObserverName, port: number): Promise<void> {
    observer = await loadObserver(name, { port, onData });
  },

  /** Redis may acknowledge them later. */
  observe: (start: number, end: number): Promise<void> => observeRange(observer, start, end),

  /** Resolves when all that Redis has sent by now has been seen. */
  settle: (): Promise<void> => observer.settle(),

  async memory(): Promise<Memory> {
    // What the first collection lets go may hold on to more until the next turn.
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await setImmediate();
    }
    const { heapUsed, rss } = process.memoryUsage();
    return { heap: heapUsed, rss };
  },

  expect(count: number): void {
    latencies.reset();
    arrivals.expect(count);
  },

  /** What one message took, when all that were expected have arrived. */
  finished: (): Promise<Usage> => arrivals.finished(),

  /** Of the messages that have arrived; there may be fewer than were expected. */
  latency: (): LatencySummary => latencies.summary(),

  watchLoop(): void {
    loop.enable();
    loop.reset();
  },

  /** The longest that the event loop was not there since `watchLoop`, in milliseconds. */
  longestStall: (): number => loop.max / NANOSECONDS,
};

export type ObservingCommands = typeof commands;

serveCommands(commands);

function onData(data: unknown): void {
  const { sentAt } = data as { sentAt?: number };
  if (sentAt !== undefined) latencies.record(sharedClock() - sentAt);
  arrivals.note();
}
