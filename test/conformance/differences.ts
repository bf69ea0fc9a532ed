import type { RedisFaults } from 'nestjs-redis-pubsub/testing';

/** Where the faults of a test come from. */
export type FaultSource = 'memory' | 'proxy';

/** What one source of faults does. */
interface Side<Value> {
  /** In words, for the documentation. */
  readonly text: string;
  /** What the tests expect of it. */
  readonly expected: Value;
}

/** One way in which a fault of `InMemoryRedis` and that of `RedisFaultProxy` differ, on purpose. */
export interface Difference<Value> {
  readonly fault: keyof RedisFaults;
  readonly memory: Side<Value>;
  readonly proxy: Side<Value>;
  readonly reason: string;
}

const difference = <Value>(it: Difference<Value>): Difference<Value> => it;

/** All differences. The suite of the faults proves each of them, and that there are no others. */
export const DIFFERENCES = {
  whenDeaf: difference({
    fault: 'deafen',
    memory: { text: 'The status is `starving` at once.', expected: 'at once' },
    proxy: { text: 'The status is `starving` when the delivery probe notices.', expected: 'later' },
    reason: 'Only the probe shows that a server delivers nothing. Set a short `probeInterval`.',
  }),
  statusesWhileDeaf: difference({
    fault: 'deafen',
    memory: { text: 'The status stays `starving` until `restore`.', expected: /^starving$/ },
    proxy: {
      text: 'The status changes between `starving` and `reconnecting`.',
      expected: /^starving( reconnecting starving)+/,
    },
    reason: 'A subscriber that starves reconnects. In memory the new connection would be as deaf.',
  }),
  statusesAfterDeaf: difference({
    fault: 'restore',
    memory: {
      text: 'After `deafen`: `reconnecting`, then `connected`.',
      expected: 'reconnecting connected',
    },
    proxy: {
      text: 'After `deafen`: `starving` once more before `connected`.',
      expected: 'reconnecting starving connected',
    },
    reason: 'The subscriber starves until a probe arrives over the new connection.',
  }),
  gapsWhileDeaf: difference({
    fault: 'deafen',
    memory: { text: 'One gap.', expected: 1 },
    proxy: { text: 'One gap for each time that it reconnects.', expected: Infinity },
    reason: 'Each gap begins where delivery was last confirmed. The last one spans all of it.',
  }),
  bufferedMessages: difference({
    fault: 'cut',
    memory: {
      text: 'A message that waited for `restore` reaches all subscriptions.',
      expected: 'all',
    },
    proxy: { text: 'It may reach none.', expected: 'any' },
    reason: 'The publisher may be back before the subscriber is.',
  }),
  refusedScripts: difference({
    fault: 'refuse',
    memory: {
      text: 'With `batchPublishes`, refused messages fail alone.',
      expected: ['ERR_PUBSUB_PUBLISH', 0],
    },
    proxy: {
      text: 'All messages of their script fail.',
      expected: ['ERR_PUBSUB_PUBLISH', 'ERR_PUBSUB_PUBLISH'],
    },
    reason: 'The proxy cannot refuse a part of a script, which has many messages.',
  }),
  retriesOfRefused: difference({
    fault: 'refuse',
    memory: {
      text: 'A refused subscription is tried again by `restore`, at once.',
      expected: 1,
    },
    proxy: {
      text: 'It is tried again after one second, and later after up to 30.',
      expected: 2,
    },
    reason: 'Redis does not say that a permission has changed.',
  }),
  delayOfConnecting: difference({
    fault: 'delay',
    memory: { text: 'Connecting is not delayed.', expected: 'at once' },
    proxy: { text: 'Each answer to a new connection is delayed.', expected: 'later' },
    reason: 'In memory there is no login, and nothing else to answer.',
  }),
} as const;
