// A process with many observers of one channel.
import { Observable, type Subscriber } from 'rxjs';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { loadObserver } from '../candidates/load-observer.js';
import type { ObserverName } from '../candidates/observer.js';
import { channelName } from '../workload/channels.js';

const CHANNEL = channelName(0);
const arrivals = new ArrivalCounter();
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
        ? () => arrivals.increment()
        : (data: unknown) => {
            for (const subscriber of subscribers) subscriber.next(data);
          };
    const observer = await loadObserver(name, { port, onData, codec });
    for (let i = 0; i < (name === 'ours' ? observers : 1); i++) observer.observe(CHANNEL);
  },

  /** `count` is the number of messages times the number of observers. */
  expect(count: number): void {
    decoded = 0;
    arrivals.expect(count);
  },

  /** Resolves to the usage per delivery to an observer, and the number of calls of our codec. */
  async completed(): Promise<{ usage: Usage; decoded: number }> {
    const usage = await arrivals.completed();
    return { usage, decoded };
  },
};

export type FanOutCommands = typeof commands;

serveCommands(commands);

/**
 * Bare RxJS subscribers that are called in a loop. Each has a teardown, as every observer of a channel has.
 * RxJS stores it in a list per subscriber, and reading that memory is most of the cost of a message.
 */
function subscribe(count: number): Iterable<Subscriber<unknown>> {
  const subscribers = new Set<Subscriber<unknown>>();
  const source = new Observable<unknown>((subscriber) => {
    subscribers.add(subscriber);
    return () => subscribers.delete(subscriber);
  });
  for (let i = 0; i < count; i++) source.subscribe(() => arrivals.increment());
  return subscribers;
}
