// A process that observes many channels. It needs `--expose-gc` to report its memory.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { memoryWithoutGarbage, type Memory } from '../harness/memory.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { loadObserver } from '../candidates/load-observer.js';
import { observeRange, type Observer, type ObserverName } from '../candidates/observer.js';

const NANOSECONDS_PER_MILLISECOND = 1_000_000;
/** The sampling interval of the event loop delay, in milliseconds. */
const RESOLUTION_MS = 1;

const arrivals = new ArrivalCounter();
const latencies = new Latencies();
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let observer: Observer;

const commands = {
  async connect(name: ObserverName, port: number): Promise<void> {
    observer = await loadObserver(name, { port, onData });
  },

  /** Resolves before Redis acknowledges the subscriptions. */
  observe: (start: number, end: number): Promise<void> => observeRange(observer, start, end),

  /** Resolves when all data that Redis has sent by now has been passed on. */
  drain: (): Promise<void> => observer.drain(),

  memory: (): Promise<Memory> => memoryWithoutGarbage(),

  expect(count: number): void {
    latencies.reset();
    arrivals.expect(count);
  },

  /** Resolves to the usage per message when all expected messages have arrived. */
  completed: (): Promise<Usage> => arrivals.completed(),

  /** The latencies of the messages that have arrived, which can be fewer than expected. */
  latency: (): LatencySummary => latencies.summary(),

  watchLoop(): void {
    loop.enable();
    loop.reset();
  },

  /** The longest delay of the event loop since `watchLoop`, in milliseconds. */
  longestStall: (): number => loop.max / NANOSECONDS_PER_MILLISECOND,
};

export type ObserverCommands = typeof commands;

serveCommands(commands);

function onData(data: unknown): void {
  const { sentAt } = data as { sentAt?: number };
  if (sentAt !== undefined) latencies.record(sharedClock() - sentAt);
  arrivals.increment();
}
