// A process with many observers of one channel.
import { Observable, type Subscriber } from 'rxjs';
import { Arrivals } from '../harness/arrivals.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { loadObserver, type ObserverName } from '../participants/observer.js';
import { channelName } from '../workload/channels.js';

const CHANNEL = channelName(0);
const arrivals = new Arrivals();
let decoded = 0;

const codec = {
  encode: (value: unknown): string => JSON.stringify(value),
  decode(payload: Uint8Array): unknown {
    decoded++;
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString());
  },
};

const commands = {
  async observe(name: ObserverName, port: number, observers: number): Promise<void> {
    const subscribers = name === 'ours' ? [] : subscribe(observers);
    const onData =
      name === 'ours'
        ? () => arrivals.note()
        : (data: unknown) => {
            for (const subscriber of subscribers) subscriber.next(data);
          };
    const observer = await loadObserver(name, { port, onData, codec });
    for (let i = 0; i < (name === 'ours' ? observers : 1); i++) observer.observe(CHANNEL);
  },

  /** So many arrivals at an observer, each message at each of them. */
  expect(count: number): void {
    decoded = 0;
    arrivals.expect(count);
  },

  /** What one arrival took, and how often our codec was called for all of them. */
  async finished(): Promise<{ usage: Usage; decoded: number }> {
    const usage = await arrivals.finished();
    return { usage, decoded };
  },
};

export type FanOutCommands = typeof commands;

serveCommands(commands);

/**
 * Bare RxJS subscribers, to be called in a loop. Each can leave, as whoever observes must: RxJS keeps a list
 * of what that takes for each of them, and how far they lie apart in memory is most of what a message costs.
 */
function subscribe(count: number): Iterable<Subscriber<unknown>> {
  const subscribers = new Set<Subscriber<unknown>>();
  const source = new Observable<unknown>((subscriber) => {
    subscribers.add(subscriber);
    return () => subscribers.delete(subscriber);
  });
  for (let i = 0; i < count; i++) source.subscribe(() => arrivals.note());
  return subscribers;
}
