import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { spawn } from 'node:child_process';
import { createClient as createNodeRedis } from 'redis';
import { beforeEach, describe, expect, it } from 'vitest';
import { RedisPubSubContext, RedisPubSubModule, RedisPubSubService } from 'nestjs-redis-pubsub';
import { captureLog, closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';

const seen = new Map<string, unknown[]>();

function record(listener: string, data: unknown): void {
  seen.set(listener, [...(seen.get(listener) ?? []), data]);
}

@Controller()
class Listeners {
  @EventPattern<string>('foreign.payload')
  literal(@Payload() data: unknown) {
    record('literal', data);
  }

  @EventPattern<string>('foreign.*')
  glob(@Payload() data: unknown, @Ctx() context: RedisPubSubContext) {
    record('glob', data);
    record('channels', context.getChannel());
  }

  @EventPattern<string>('foreign.:what')
  param(@Payload() data: unknown) {
    record('param', data);
  }
}

const notification = {
  id: '3f1c9a52-7f5e-4a44-8d0a-6b3a5c1d2e77',
  user_id: 'user123',
  type: 'info',
  title: 'Welcome!',
  message: 'Thanks for signing up!',
  timestamp: '2026-01-25T10:00:00.000000',
  read: false,
};
const event = { type: 'user.created', timestamp: '2026-01-25T10:00:00.000000' };

/** Values that a publisher sends as JSON. */
const values: [name: string, value: unknown][] = [
  ['a notification without data', { ...notification, data: null }],
  ['a notification with data', { ...notification, data: { order: { id: 7, items: [1, 2] } } }],
  ['a broadcast, which has no user', { id: 'b1', type: 'warning', title: 'T', data: null }],
  ['an event', { ...event, data: { id: 123, name: 'John' } }],
  ['an event with metadata', { ...event, metadata: { post_id: 'post_456' }, actor_id: 'alice' }],
  ['a key "pattern"', { pattern: 'retry-*', interval: 5 }],
  ['a key "data" alone', { data: { a: 1 } }],
  ['a key "id" alone', { id: 9 }],
  ['"pattern" and "data" with another meaning', { pattern: 'user.created', data: { a: 1 } }],
  [
    '"pattern", "data" and "id" with another meaning',
    { pattern: 'zzz', data: 1, id: 'x', more: 2 },
  ],
  ['a packet without data', { pattern: 'foreign.payload', id: 'x' }],
  ['the keys of a reply', { id: 'x', response: { a: 1 }, isDisposed: true, err: null }],
  ['an empty object', {}],
  ['an array', [1, 'two', null, { three: 3 }]],
  ['an empty array', []],
  ['an integer', 42],
  ['zero', 0],
  ['a negative fraction', -0.5],
  ['true', true],
  ['false', false],
  ['null', null],
  ['a JSON string', 'quoted "text"'],
  ['an empty JSON string', ''],
  ['an emoji and letters of 2, 3 and 4 bytes', { text: '👩‍👩‍👧 é € 𝄞 漢字' }],
];

/** Texts that are not JSON: handlers receive them unchanged. */
const texts: [name: string, text: string][] = [
  ['plain text', 'Hello, World!'],
  ['a sentence that begins as JSON does', 'null and void'],
  ['an empty payload', ''],
  ['white space', ' \t\r\n '],
  ['invalid JSON', '{"a": 1'],
  ['JSON with a trailing comma', '[1, 2,]'],
  ['JSON with text after it', '{"a":1} {"b":2}'],
  ['digits that begin with a zero', '007'],
  ['an id of 19 digits', '1163524986217881613'],
  ['a price with its last zero', '1.0'],
  ['a number with an exponent', '1e3'],
  ['a negative zero', '-0'],
  ['a telephone number', '+39 333 1234567'],
  ['NaN', 'NaN'],
  ['a valid U+FFFD', 'here: \ufffd'],
  ['emoji', '🎉👩‍👩‍👧'],
  ['letters of 2, 3 and 4 bytes', 'é€𝄞漢字'],
  ['a byte order mark before JSON', '\ufeff{"a":1}'],
  ['a NUL character', 'a\0b'],
];

const bytes: [name: string, bytes: Buffer][] = [
  ['Latin-1', Buffer.from('caf\xe9', 'latin1')],
  ['every byte there is', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['a lone continuation byte', Buffer.from([0x80])],
  ['a sequence that is cut off', Buffer.from('ok 🎉', 'utf8').subarray(0, -1)],
  ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['a valid U+FFFD beside an invalid byte', Buffer.from([0xef, 0xbf, 0xbd, 0xff])],
  ['JSON with an invalid byte in it', Buffer.from('{"a":"\xff"}', 'latin1')],
];

const payloads: { name: string; payload: Buffer; expected: unknown }[] = [
  ...values.map(([name, value]) => ({
    name,
    payload: Buffer.from(JSON.stringify(value)),
    expected: value,
  })),
  ...texts.map(([name, text]) => ({ name, payload: Buffer.from(text), expected: text })),
  ...bytes.map(([name, it]) => ({ name, payload: it, expected: it })),
  {
    name: 'JSON with white space around it',
    payload: Buffer.from('\r\n\t {"a": 1}\n'),
    expected: { a: 1 },
  },
  {
    name: 'JSON with escapes',
    payload: Buffer.from(String.raw`"\u00e9\ud83c\udf89"`),
    expected: 'é🎉',
  },
];

describe('the payload of a publisher without Nest', () => {
  const redis = useRedis();

  beforeEach(() => seen.clear());

  /** Publishes with redis-cli. With `-x` it reads the payload, with all its bytes, from stdin. */
  const publishByCli = async (channel: string, payload: Buffer): Promise<number> => {
    const run = (command: string) =>
      new Promise<string>((resolve, reject) => {
        const child = spawn(command, ['-p', String(redis.port), '-x', 'PUBLISH', channel]);
        let output = '';
        child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
        child.on('error', reject).on('close', () => resolve(output));
        child.stdin.on('error', () => undefined).end(payload);
      });
    return Number(await run('redis-cli').catch(() => run('valkey-cli')));
  };

  const publishByNodeRedis = async (channel: string, payload: Buffer): Promise<number> => {
    const client = createNodeRedis({ url: redis.url });
    await client.connect();
    closeAfterTest(() => client.close());
    return client.publish(channel, payload);
  };

  const publishByIoredis = (channel: string, payload: Buffer): Promise<number> =>
    redis.client.publish(channel, payload);

  it.each(payloads)(
    'reaches every handler and observer whole: $name',
    async ({ payload, expected }) => {
      const app = await NestFactory.createApplicationContext(
        {
          module: class {},
          imports: [RedisPubSubModule.forRoot({ connection: redis.url })],
          controllers: [Listeners],
        },
        { logger: captureLog(), abortOnError: false },
      );
      closeAfterTest(() => app.close());
      const service = app.get(RedisPubSubService);
      service.observe('foreign.payload').subscribe(({ data }) => record('observe', data));
      service.observePattern('*.payload').subscribe(({ data }) => record('pattern', data));
      await redis.patterns(2);
      await service.subscribe('foreign.payload', ({ data }) => record('subscribe', data));

      const publishers = [publishByCli, publishByNodeRedis, publishByIoredis];
      for (const publish of publishers) expect(await publish('foreign.payload', payload)).toBe(3);

      const listeners = ['literal', 'glob', 'param', 'observe', 'pattern', 'subscribe'];
      await eventually(() => listeners.every((it) => seen.get(it)?.length === publishers.length));
      const thrice = publishers.map(() => expected);
      expect(Object.fromEntries(seen)).toStrictEqual({
        ...Object.fromEntries(listeners.map((it) => [it, thrice])),
        channels: publishers.map(() => 'foreign.payload'),
      });
    },
  );
});
