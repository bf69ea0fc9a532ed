import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  MessageHeader,
  RedisPubSubContext,
  RedisPubSubModule,
  RedisPubSubService,
  type PubSubMessage,
  type RedisPubSubOptions,
} from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest, createClient, type TestLog } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

interface Seen {
  readonly data: unknown;
  readonly context: RedisPubSubContext;
}

const literal: Seen[] = [];
const glob: unknown[] = [];
const headers: unknown[] = [];
const observed: PubSubMessage[] = [];
const requests: unknown[] = [];
const crashes: unknown[] = [];
const onCrash = (error: unknown): void => void crashes.push(error);

@Controller()
class Listeners {
  @EventPattern<string>('in.event')
  event(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    literal.push({ data, context });
  }

  @EventPattern<string>('in.*')
  any(
    @Payload() data: unknown,
    @MessageHeader('__proto__') proto: unknown,
    @MessageHeader('constructor') construct: unknown,
    @MessageHeader('toString') text: unknown,
  ) {
    glob.push(data);
    headers.push(proto, construct, text);
  }

  @MessagePattern('ask')
  ask(@Payload() data: unknown) {
    requests.push(data);
    return 'answered';
  }
}

/** The nesting depth of a payload, found without recursion. */
function depthOf(value: unknown): number {
  let depth = 0;
  for (let at = value; typeof at === 'object' && at !== null; depth++) {
    at = Object.values(at)[0] as unknown;
  }
  return depth;
}

describe('a payload of a foreign publisher', () => {
  // Redis disconnects a subscriber whose unread messages exceed this limit. The default is 32 MB.
  const redis = useRedis(['--client-output-buffer-limit', 'pubsub', '0', '0', '0']);

  beforeEach(() => {
    for (const list of [literal, glob, headers, observed, requests, crashes]) list.length = 0;
    process.on('uncaughtException', onCrash).on('unhandledRejection', onCrash);
  });

  afterEach(() => {
    process.off('uncaughtException', onCrash).off('unhandledRejection', onCrash);
    if (crashes.length > 0) throw new Error('This ends the process', { cause: crashes[0] });
  });

  const start = async (options: RedisPubSubOptions = {}): Promise<TestLog> => {
    const log = captureLog();
    const module = RedisPubSubModule.forRoot({ connection: redis.url, ...options });
    const app = await NestFactory.createApplicationContext(
      { module: class {}, imports: [module], controllers: [Listeners] },
      { logger: log, abortOnError: false },
    );
    closeAfterTest(() => app.close());
    await app.get(RedisPubSubService).subscribe('in.event', (it) => observed.push(it));
    return log;
  };

  /** Publishes the payload, then a message that every listener must still receive. */
  const publish = async (payload: string | Buffer, count = 1): Promise<void> => {
    await redis.client.publish('in.event', payload);
    await redis.client.publish('in.event', '"next"');
    await eventually(() => [literal, glob, observed].every((it) => it.length > count));
    expect([literal.at(-1)?.data, glob.at(-1), observed.at(-1)?.data]).toEqual(
      Array(3).fill('next'),
    );
    expect([literal.length, glob.length, observed.length]).toEqual(Array(3).fill(count + 1));
  };

  it.each([
    ['arrays', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000) + '{}' + '}'.repeat(100_000)],
    ['arrays in an envelope', `{"pattern":"in.event","data":${nested(100_000)}}`],
  ])('may be nested 100,000 deep: %s', async (_, payload) => {
    await start();
    await publish(payload);
    for (const data of [literal[0]?.data, glob[0], observed[0]?.data]) {
      expect(depthOf(data)).toBeGreaterThanOrEqual(100_000);
    }
  });

  it.each([
    ['arrays', nested(100_000)],
    ['objects', '{"a":'.repeat(100_000) + '{}' + '}'.repeat(100_000)],
    ['keys by the thousand', `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":1`).join()}}`],
  ])('may have a pattern that is very deep or very long: %s', async (_, pattern) => {
    await start();
    const log = await start({ reservedSegment: '_other' });
    literal.length = glob.length = observed.length = 0;
    await redis.client.publish('in.event', `{"pattern":${pattern},"data":1}`);
    await redis.client.publish('in.event', '"next"');
    await eventually(() => literal.filter(({ data }) => data === 'next').length === 2);
    expect(log.of('error')).toEqual([]);
    // It is no envelope for this channel: the handler receives the whole payload.
    expect(literal[0]?.data).toHaveProperty('data', 1);
  });

  it('may be an envelope whose metadata and other keys are nested 100,000 deep', async () => {
    await start();
    const deep = nested(100_000);
    await publish(`{"pattern":"in.event","data":1,"metadata":{"a":${deep}},"more":${deep}}`);
    await publish(`{"pattern":"in.event","data":1,"id":${deep},"replyTo":${deep}}`, 3);
    expect(literal[0]?.context.getHeader('a')).toBeUndefined();
  });

  it.each([
    ['text', () => 'x'.repeat(20_000_000)],
    ['JSON', () => JSON.stringify({ text: 'é'.repeat(10_000_000) })],
    ['a Buffer', () => Buffer.alloc(20_000_000, 0xff)],
  ])('may be of 20 MB: %s', async (_, make) => {
    await start();
    const payload = make();
    await publish(payload);
    const [first] = literal;
    const found = Buffer.isBuffer(first?.data)
      ? first.data
      : Buffer.from(typeof first?.data === 'string' ? first.data : JSON.stringify(first?.data));
    expect(found.equals(Buffer.from(payload))).toBe(true);
  });

  it('may have the keys of Object.prototype, and does not change any prototype', async () => {
    await start();
    const json =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}';
    await publish(json);
    await publish(`{"pattern":"in.event","data":${json},"__proto__":{"id":1,"metadata":1}}`, 3);
    await publish(`{"pattern":"in.event","data":1,"metadata":${json}}`, 5);
    for (const i of [0, 2]) {
      const found = [literal[i]?.data, glob[i], observed[i]?.data];
      expect(found.map((data) => JSON.stringify(data))).toEqual(Array(3).fill(json));
    }
    expect(headers).toEqual(Array(18).fill(undefined));
    for (const { context } of literal) {
      expect(context.getHeader('polluted')).toBeUndefined();
    }
    expect(observed[4]?.headers.polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each(['null', '5', '"text"', '[["a","b"]]', 'true'])(
    'has no headers when its metadata is not an object: %s',
    async (metadata) => {
      await start();
      await publish(`{"pattern":"in.event","data":1,"metadata":${metadata}}`);
      expect(literal[0]?.data).toBe(1);
      expect(literal[0]?.context.getHeaders()).toEqual({});
      expect(literal[0]?.context.getHeader('0')).toBeUndefined();
      expect(observed[0]?.headers).toEqual({});
    },
  );

  it('has a header for each metadata value that is a text, and for no other value', async () => {
    await start();
    const metadata = { number: 1, nothing: null, list: ['a'], object: { a: 1 }, text: 'yes' };
    await publish(JSON.stringify({ pattern: 'in.event', data: 1, metadata }));
    const { context } = literal[0] ?? {};
    for (const name of ['number', 'nothing', 'list', 'object', 'missing']) {
      expect(context?.getHeader(name)).toBeUndefined();
    }
    expect(context?.getHeader('text')).toBe('yes');
    expect(context?.getHeaders()).toEqual({ text: 'yes' });
    expect(observed[0]?.headers).toEqual({ text: 'yes' });
  });

  it.each(['"in.other"', '"in.*"', '"IN.EVENT"', '""', 'null', '5', '["in.event"]', '{"in":1}'])(
    'with the pattern %s is no envelope for "in.event", and the handler receives it whole',
    async (pattern) => {
      await start();
      const json = `{"pattern":${pattern},"data":1,"id":"x","metadata":{"a":"b"}}`;
      await publish(json);
      expect(literal[0]?.data).toEqual(JSON.parse(json));
      expect(literal[0]?.context.getHeaders()).toEqual({});
    },
  );

  it('larger than maxPayloadBytes is dropped before it is decoded, and logged', async () => {
    const log = await start({ maxPayloadBytes: 50 });
    await publish(`"${'x'.repeat(49)}"`, 0);
    await publish(`"${'x'.repeat(48)}"`, 2);
    expect(literal[1]?.data).toBe('x'.repeat(48));
    const [exact, pattern] = log.of('error');
    expect([exact, pattern, log.of('error').length]).toEqual([
      ...Array<unknown>(2).fill(
        'Dropped a message on "in.event": its 51 bytes are more than maxPayloadBytes',
      ),
      2,
    ]);
  });

  it.each([
    '{"pattern":"ask","id":"1"}',
    '{"pattern":"ask","data":1,"id":{"toString":1,"valueOf":1}}',
    '{"pattern":"ask","data":1,"id":"1","replyTo":{"toString":1}}',
    '{"pattern":"ask","data":1,"id":"1","replyTo":"_pubsub.inbox."}',
    '{"pattern":"ask","data":1,"id":"1","replyTo":"_pubsub.inbox.\\ud800"}',
    '{"pattern":"ask","data":1,"id":1e400}',
    '{"pattern":"ask","data":{"a":1},"id":"1","metadata":[]}',
    `{"pattern":"ask","data":${nested(100_000)},"id":"1"}`,
    `{"pattern":"ask","data":1,"id":${nested(100_000)}}`,
  ])('that is a malformed request does not stop the service: %#', async (request) => {
    await start();
    await redis.client.publish('ask', request);
    const client = createClient({ connection: redis.url, requestTimeout: 5_000 });
    expect(await lastValueFrom(client.send('ask', 'next'))).toBe('answered');
    expect(requests).toHaveLength(2);
  });
});

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}
