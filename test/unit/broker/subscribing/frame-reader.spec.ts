import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../../../src/broker/subscribing/frame-reader.js';
import { array, bulk, messageFrame, type Protocol } from '../../../support/frames.js';

/** A reader, and what it reads: messages, and other bytes as text. */
function createReader(accepts = (_kind: string, _type: number): boolean => true) {
  const log: unknown[] = [];
  const others: Buffer[] = [];
  const reader = new FrameReader(
    {
      accepts,
      onMessage: (kind, subscription, channel, payload) => {
        log.push([kind, subscription, channel, payload.text()]);
        payload.release();
      },
    },
    (bytes) => {
      others.push(bytes);
      log.push(bytes.toString());
    },
  );
  const read = (...chunks: (string | Buffer)[]): unknown[] => {
    for (const chunk of chunks) reader.read(Buffer.from(chunk as string));
    return log;
  };
  return { reader, read, log, others };
}

const NEWS = ['channel', 'news', 'news', 'hello'];

describe.each<Protocol>([2, 3])('FrameReader, RESP%i', (protocol) => {
  const news = messageFrame(protocol, 'message', 'news', 'hello');

  it('reads messages of each kind', () => {
    const { read } = createReader();
    const log = read(
      Buffer.concat([
        news,
        messageFrame(protocol, 'pmessage', 'news.*', 'news.1', ''),
        messageFrame(protocol, 'smessage', 'user', 'é'),
      ]),
    );
    expect(log).toEqual([
      NEWS,
      ['pattern', 'news.*', 'news.1', ''],
      ['shard', 'user', 'user', 'é'],
    ]);
  });

  it('passes on what is between messages, in its place', () => {
    const acknowledged = array(
      [bulk('subscribe'), bulk('news'), Buffer.from(':1\r\n')],
      protocol === 3 ? '>' : '*',
    );
    const log = createReader().read(
      Buffer.concat([Buffer.from('+OK\r\n'), acknowledged, news, Buffer.from(':1\r\n'), news]),
    );
    expect(log).toEqual([`+OK\r\n${acknowledged.toString()}`, NEWS, ':1\r\n', NEWS]);
  });

  it('passes a chunk without messages on as it is', () => {
    const { reader, others } = createReader();
    const chunk = Buffer.from('+OK\r\n$3\r\nab');
    reader.read(chunk);
    expect(others[0]).toBe(chunk);
  });

  it('reads messages that are cut at any place', () => {
    const bytes = Buffer.concat([news, Buffer.from('+OK\r\n'), news]);
    for (let at = 1; at < bytes.length; at++) {
      const log = createReader().read(bytes.subarray(0, at), bytes.subarray(at));
      expect(log.filter((it) => typeof it !== 'string')).toEqual([NEWS, NEWS]);
      expect(log.filter((it) => typeof it === 'string').join('')).toBe('+OK\r\n');
    }
  });

  it('does not wait for bytes after a short frame', () => {
    for (const frame of ['*0\r\n', '*-1\r\n', '>0\r\n', '*1\r\n:1\r\n']) {
      const { read } = createReader();
      expect(read(...frame.split('')).join('')).toBe(frame);
    }
  });

  it('reads no message within another value', () => {
    const value = array([news, bulk('x'), news]);
    const log = createReader().read(value, array([bulk('key'), news], '%'));
    expect(log.every((it) => typeof it === 'string')).toBe(true);
  });

  it('passes on a message that has an attribute', () => {
    const attribute = array([bulk('key'), bulk('value')], '|');
    const log = createReader().read(Buffer.concat([attribute, news, news]));
    expect(log).toEqual([attribute.toString() + news.toString(), NEWS]);
  });

  it('passes on a message that its target does not accept', () => {
    let accepted = false;
    const { read, log } = createReader(() => accepted);
    read(news.subarray(0, 20), news.subarray(20));
    accepted = true;
    read(news);
    expect(log).toEqual([news.toString(), NEWS]);
  });
});

describe('FrameReader', () => {
  const news = messageFrame(3, 'message', 'news', 'hello');

  it('says of which type a frame is', () => {
    const types: unknown[] = [];
    const { read } = createReader(
      (kind, type) => types.push([kind, String.fromCharCode(type)]) > 0,
    );
    read(news, messageFrame(2, 'pmessage', 'a*', 'a', 'x'));
    expect(types).toEqual([
      ['channel', '>'],
      ['pattern', '*'],
    ]);
  });

  it.each([
    ['a null in the place of the payload', '>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$-1\r\n'],
    ['an array as the payload', '>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n*1\r\n$1\r\na\r\n'],
    ['a null in the place of the channel', '>3\r\n$7\r\nmessage\r\n_\r\n$1\r\na\r\n'],
    ['a length that is no number', '>3\r\n$7\r\nmessage\r\n$x\r\n$1\r\na\r\n'],
    ['another kind', '>3\r\n$7\r\nmassage\r\n$4\r\nnews\r\n$1\r\na\r\n'],
    ['more parts', '>4\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\na\r\n:1\r\n'],
  ])('passes on a frame with %s', (_, frame) => {
    for (const chunks of [[frame], frame.split('')]) {
      const { read } = createReader();
      expect(read(...chunks).join('')).toBe(frame);
    }
  });

  it('reads nothing after what is no value of RESP', () => {
    const log = createReader().read('HTTP/1.1 400 Bad Request\r\n', news);
    expect(log).toEqual(['HTTP/1.1 400 Bad Request\r\n', news.toString()]);
  });

  it('decodes a name again when its bytes differ', () => {
    const names = ['a', 'ab', 'b', '', 'é', Buffer.from([0xff]), 'x'.repeat(300), 'y'.repeat(300)];
    const frames = [...names, ...names].map((name) => messageFrame(3, 'message', name, ''));
    const { read } = createReader();
    const channels = read(Buffer.concat(frames)).map((it) => (it as string[])[1]);
    const expected = names.map((name) => name.toString());
    expect(channels).toEqual([...expected, ...expected]);
  });

  it('reads on when a target has transferred the bytes of a message to another thread', () => {
    const received: string[] = [];
    const reader = new FrameReader(
      {
        accepts: () => true,
        onMessage: (_kind, _subscription, channel, payload) => {
          const buffer = payload.bytes().buffer as ArrayBuffer;
          structuredClone(buffer, { transfer: [buffer] });
          received.push(channel);
        },
      },
      (bytes) => received.push(bytes.toString()),
    );
    const large = messageFrame(3, 'message', 'large', Buffer.alloc(40_000));
    reader.read(Buffer.concat([large, news, Buffer.from('+OK\r\n'), news.subarray(0, 30)]));
    reader.read(Buffer.concat([news.subarray(30), large]));
    reader.read(news);
    expect(received).toEqual(['large', 'news', '+OK\r\n', 'news', 'large', 'news']);
  });

  it('reads 64 MB in chunks, and copies them once', () => {
    const size = 64 * 1024 * 1024;
    const start = Buffer.from(`>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$${size}\r\n`);
    const chunk = Buffer.alloc(65_536, 'x');
    const lengths: number[] = [];
    const reader = new FrameReader(
      { accepts: () => true, onMessage: (...[, , , { length }]) => void lengths.push(length) },
      () => undefined,
    );
    const before = process.memoryUsage().arrayBuffers;
    reader.read(start);
    for (let sent = 0; sent < size; sent += chunk.length) reader.read(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(size / 2);
    reader.read(Buffer.from('\r\n'));
    expect(lengths).toEqual([size]);
  });
});
