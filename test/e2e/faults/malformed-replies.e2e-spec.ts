import { describe, expect, it } from 'vitest';
import { startService } from '../../support/app.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { startProxy } from '../../support/tcp-proxy.js';

/** A part of a reply: text, a number, `null`, or an array. */
type Part = string | number | null | readonly Part[];

const textOf = (part: Part): string => {
  if (part === null) return '$-1\r\n';
  if (typeof part === 'number') return `:${part}\r\n`;
  if (typeof part === 'string') return `$${Buffer.byteLength(part)}\r\n${part}\r\n`;
  return `*${part.length}\r\n${part.map(textOf).join('')}`;
};

const CHANNEL = 'frames.a';

describe('a reply that is not one of Pub/Sub', () => {
  const redis = useRedis();

  const REPLIES: readonly [string, Part][] = [
    ['a message without a channel', ['message', null, 'x']],
    ['a message without a payload', ['message', CHANNEL, null]],
    ['a message without both', ['message']],
    ['a message whose payload is an array', ['message', CHANNEL, ['key']]],
    ['a message whose payload is a number', ['message', CHANNEL, 5]],
    ['a message of a glob without its glob', ['pmessage', null, CHANNEL, 'x']],
    ['a message of a glob without its channel', ['pmessage', 'frames.*', null, 'x']],
    ['a message of a glob without all that', ['pmessage']],
    ['a message of a shard channel without its channel', ['smessage', null, 'x']],
    ['an acknowledgement without a channel', ['subscribe', null, 1]],
    ['an acknowledgement of a glob without a glob', ['psubscribe', null, 1]],
    ['an acknowledgement without a number', ['subscribe', CHANNEL]],
    ['an acknowledgement without anything', ['ssubscribe']],
    ['the end of a subscription without a channel', ['unsubscribe', null, 1]],
    ['the end of a subscription without anything', ['punsubscribe']],
    ['a notice of client-side caching', ['invalidate', [CHANNEL]]],
    ['a notice of client-side caching about all keys', ['invalidate', null]],
    ['a push without a type', [null]],
    ['a push without anything', []],
    ['a push of a type that does not exist', ['news', null, [null]]],
    ['an answer to no command', null],
  ];

  it.each([2, 3].flatMap((protocol) => REPLIES.map((it) => [protocol, ...it] as const)))(
    'does not end the process: with RESP%i, %s',
    async (protocol, _, reply) => {
      const received: unknown[] = [];
      const proxy = await startProxy(redis.port);
      const connection = { port: proxy.port, host: '127.0.0.1', protocol: protocol as 2 | 3 };
      await startService(eventHandlers({ [CHANNEL]: (data) => received.push(data) }), {
        connection,
        pingInterval: 50,
        probeInterval: 50,
      });
      const text = textOf(reply);
      // RESP3 has a type of its own for what answers no command.
      proxy.inject(protocol === 3 ? text.replace('*', '>') : text);
      await eventually(async () => {
        await redis.client.publish(CHANNEL, '"after"');
        return received.includes('after');
      });
      expect(received.filter((data) => data !== 'after')).toEqual([]);
    },
  );
});
