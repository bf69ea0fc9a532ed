import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawTrace, OtlpReceiver } from '../../../support/otlp-receiver.js';
import { eventually, useRedis } from '../../../support/redis.js';

const PROGRAM = join(import.meta.dirname, 'traced-service.mjs');

/** Processes with handlers. */
const WORKERS = ['orders', 'audit'] as const;

const PROCESSED = WORKERS.map(
  (service) => `process order.:event (${service}, consumer)`,
).toSorted();
const COUNTED = WORKERS.map((service) => `process count.:to (${service}, consumer)`).toSorted();

const indented = (indent: string, lines: readonly string[]) => lines.map((line) => indent + line);

describe.each([
  ['without the instrumentation of ioredis', false],
  ['beside the instrumentation of ioredis', true],
])('one trace through three processes, %s', (_, isInstrumented) => {
  const redis = useRedis();
  const receiver = new OtlpReceiver();
  const stops: (() => Promise<unknown>)[] = [];
  let gateway = '';

  const startService = async (name: string): Promise<{ readonly url?: string }> => {
    const options = { redis: redis.url, collector: receiver.url, isInstrumented };
    const child = fork(PROGRAM, [name, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const exited = once(child, 'exit');
    stops.push(async () => {
      child.kill();
      await exited;
    });
    const ended = exited.then(([code]) => {
      throw new Error(`The service "${name}" ended with code ${String(code)}`);
    });
    ended.catch(() => undefined);
    const [ready] = (await Promise.race([once(child, 'message'), ended])) as [{ url?: string }];
    return ready;
  };

  beforeAll(async () => {
    await receiver.start();
    const [started] = await Promise.all(['gateway', ...WORKERS].map(startService));
    gateway = started?.url ?? '';
  });
  afterAll(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await receiver.stop();
  });

  /** Posts to the gateway. Resolves to its answer, and to the trace when it has this many spans beside those of ioredis. */
  const post = async (path: string, count: number) => {
    const response = await fetch(`${gateway}/${path}`, { method: 'POST' });
    const answer: unknown = await response.json();
    const traceId = response.headers.get('x-trace-id');
    const spans = () => receiver.spans.filter((span) => span.traceId === traceId);
    const own = () => spans().filter(({ kind }) => kind !== 'client');
    await eventually(() => own().length >= count);
    return { answer, spans, lines: drawTrace(own()) };
  };

  it('has the handlers of an event in two processes below the request in a third one', async () => {
    const { answer, spans, lines } = await post('emit', 4);
    expect(answer).toBe(2);
    expect(lines).toEqual([
      'HTTP POST (gateway, server)',
      '  publish (gateway, producer)',
      ...indented('    ', PROCESSED),
    ]);
    const ids = spans()
      .filter(({ kind }) => kind === 'producer' || kind === 'consumer')
      .map(({ attributes }) => attributes['messaging.message.id']);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  it('goes on where a handler publishes', async () => {
    const { lines } = await post('relay', 6);
    expect(lines).toEqual([
      'HTTP POST (gateway, server)',
      '  publish (gateway, producer)',
      '    process relay (orders, consumer)',
      '      publish (orders, producer)',
      ...indented('        ', PROCESSED),
    ]);
  });

  it.each([
    ['the first responder that ends', 'send', 3],
    ['all responders', 'send-all', 6],
  ])('has the handlers of a request that stream their replies, for %s', async (_, path, least) => {
    const { answer, lines } = await post(path, 4);
    const values = (answer as unknown[]).map((reply) =>
      typeof reply === 'object' ? (reply as { value: unknown }).value : reply,
    );
    expect(new Set(values)).toEqual(new Set([1, 2, 3]));
    expect(values.length).toBeGreaterThanOrEqual(least);
    expect(lines).toEqual([
      'HTTP POST (gateway, server)',
      '  publish (gateway, producer)',
      ...indented('    ', COUNTED),
    ]);
  });

  it.runIf(isInstrumented)(
    'has the command of ioredis beside the span of the message, below one parent',
    async () => {
      const { spans } = await post('emit', 4);
      const ofKind = (kind: string) => spans().filter((span) => span.kind === kind);
      await eventually(() => ofKind('client').length > 0);
      const [published] = ofKind('producer');
      const commands = ofKind('client');
      expect(commands.map(({ name, parentId }) => [name, parentId])).toEqual([
        ['publish', published?.parentId],
      ]);
    },
  );
});
