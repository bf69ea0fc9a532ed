import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { receiveFrom } from '../../../../src/broker/subscribing/redis-delivery.js';
import { messageFrame, RandomFrames, type Protocol } from '../../../support/frames.js';
import { IS_IOREDIS_6 } from '../../../support/ioredis-version.js';
import { Random } from '../../../support/random.js';

/** `FRAMES=1000000` for the long form. */
const FRAMES = Number(process.env.FRAMES ?? 4_000);
const SEED = Number(process.env.FRAMES_SEED ?? 1);
const MAX_FRAMES = 40;

/** The part of ioredis that parses the bytes of a socket. */
const { default: DataHandler } = createRequire(import.meta.url)('ioredis/built/DataHandler.js') as {
  default: new (client: object, options: object) => unknown;
};

/** A value without classes, to compare. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return Array.isArray(value) ? value.map(plain) : value;
}

/** What ioredis' parser uses of a client: it has sent more commands than it ever gets replies. */
class ParserClient extends EventEmitter {
  readonly log: unknown[] = [];
  readonly parser: unknown;
  readonly isIntercepted: boolean;
  readonly stream = Object.assign(new EventEmitter(), { resume: (): void => undefined });
  readonly status = 'ready';
  readonly options = {};
  readonly condition: { subscriber: unknown; protocol: Protocol; replyMapping: string };
  readonly commandQueue = {
    shift: () => ({ command: this.#createCommand() }),
    unshift: (): void => undefined,
    peekFront: (): void => undefined,
  };

  constructor(protocol: Protocol, mayIntercept: boolean) {
    super();
    const subscriber = { add: (): void => undefined, del: (): void => undefined };
    this.condition = { subscriber, protocol, replyMapping: 'legacy' };
    this.on('moved', () => this.log.push('moved'));
    this.parser = new DataHandler(this, { stringNumbers: false, replyMapping: 'legacy' });
    receiveFrom(this as unknown as Redis, ({ kind, subscription, channel, payload }) => {
      this.log.push([kind, subscription, channel, plain(payload.bytes()), payload.text()]);
    });
    const parsers = this.stream.listeners('data');
    if (mayIntercept) this.emit('connect');
    this.isIntercepted = this.stream.listeners('data')[0] !== parsers[0];
  }

  handleReconnection(error: Error): void {
    this.log.push(plain(error));
  }

  recoverFromFatalError(error: Error): void {
    this.log.push(['fatal', plain(error)]);
  }

  #createCommand() {
    return {
      name: 'get',
      args: ['key'],
      resolve: (reply: unknown) => this.log.push(['reply', plain(reply)]),
      reject: (error: unknown) => this.log.push(['error', plain(error)]),
    };
  }
}

/** What happens in a client, with or without our reader of frames, when it receives these chunks. */
function logOf(protocol: Protocol, chunks: readonly Buffer[], isIntercepted: boolean): unknown[] {
  const client = new ParserClient(protocol, isIntercepted);
  for (const chunk of chunks) client.stream.emit('data', Buffer.from(chunk));
  return client.log;
}

/** The first entry that differs; of a whole log the print would take seconds. */
function differenceOf(log: readonly unknown[], expected: readonly unknown[]): object | undefined {
  const isSame = (i: number): boolean => JSON.stringify(log[i]) === JSON.stringify(expected[i]);
  for (let i = 0; i < Math.max(log.length, expected.length); i++) {
    if (!isSame(i)) return { at: i, found: log[i], expected: expected[i] };
  }
  return undefined;
}

const PROTOCOLS: Protocol[] = IS_IOREDIS_6 ? [2, 3] : [2];

describe.each(PROTOCOLS)(
  'receiveFrom, beside the parser of the installed ioredis, RESP%i',
  (protocol) => {
    it(`finds the same in ${FRAMES} random frames, cut at random places (seed ${SEED})`, () => {
      const frames = new RandomFrames(new Random(SEED), protocol);
      let seen = 0;
      const differences: unknown[] = [];
      for (let sent = 0; sent < FRAMES;) {
        const count = 1 + frames.random.below(MAX_FRAMES);
        const bytes = Buffer.concat(Array.from({ length: count }, () => frames.next()));
        const chunks = frames.cut(bytes);
        const expected = logOf(protocol, [bytes], false);
        const log = logOf(protocol, chunks, true);
        const difference = differenceOf(log, expected);
        if (difference) {
          differences.push(difference);
          break;
        }
        seen += log.length;
        sent += count;
      }
      expect(differences).toEqual([]);
      expect(seen).toBeGreaterThan(FRAMES / 2);
    }, 1_800_000);

    it('finds the same in frames that are cut at any one place, and at every place', () => {
      const frames = new RandomFrames(new Random(SEED), protocol);
      const short = Array.from({ length: 200 }, () => frames.next()).filter(
        (it) => it.length < 200,
      );
      const bytes = Buffer.concat(short.slice(0, 25));
      const expected = logOf(protocol, [bytes], false);
      expect(expected.length).toBeGreaterThan(10);
      for (let at = 1; at < bytes.length; at++) {
        const log = logOf(protocol, [bytes.subarray(0, at), bytes.subarray(at)], true);
        expect(log).toEqual(expected);
      }
      const single = Array.from(bytes, (byte) => Buffer.of(byte));
      expect(logOf(protocol, single, true)).toEqual(expected);
    });

    it('reads the frames in the place of ioredis', () => {
      expect(new ParserClient(protocol, true).isIntercepted).toBe(true);
      expect(new ParserClient(protocol, false).isIntercepted).toBe(false);
    });

    it('leaves the messages to ioredis while the application listens to them', () => {
      const client = new ParserClient(protocol, true);
      const heard: unknown[] = [];
      const receive = (payload: string): void => {
        const frames = [
          messageFrame(protocol, 'message', 'a', payload),
          messageFrame(protocol, 'pmessage', 'a*', 'a', payload),
        ];
        client.stream.emit('data', Buffer.concat(frames));
      };
      const listener = (...parts: unknown[]): void => void heard.push(plain(parts));
      receive('before');
      client.on('message', listener).on('pmessageBuffer', listener);
      receive('text');
      client.off('message', listener).off('pmessageBuffer', listener);
      receive('after');
      expect(heard).toEqual([
        ['a', 'text'],
        ['a*', 'a', 'text'],
      ]);
      const payloads = client.log.map((it) => (it as unknown[])[3]);
      expect(payloads).toEqual(['before', 'before', 'text', 'text', 'after', 'after']);
    });
  },
);
