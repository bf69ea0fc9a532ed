import { beforeEach, describe, expect, it } from 'vitest';
import {
  publishError,
  PublishPipeline,
  toBuffer,
} from '../../../../src/broker/publishing/publish-pipeline.js';
import { CommandRefusedError, ConnectionError } from '../../../../src/errors.js';
import { FakeClient, replyError } from '../fake-client.js';

const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
const bytesOf = (command: string, channel: string, payload: string): string =>
  `*3\r\n$${command.length}\r\n${command}\r\n$${channel.length}\r\n${channel}\r\n$${payload.length}\r\n${payload}\r\n`;

describe('PublishPipeline', () => {
  let client: FakeClient;
  let pipeline: PublishPipeline;
  beforeEach(() => {
    client = new FakeClient();
    client.becomeReady();
    client.onCommand = ({ resolve }) => resolve(1);
    pipeline = new PublishPipeline(client.redis);
  });

  it.each([
    ['channel', 'publish'],
    ['shard', 'spublish'],
  ] as const)('sends for the kind "%s" %s, at once', async (kind, command) => {
    const published = pipeline.send('a', 'hello', kind);
    expect(client.stream.written).toEqual([bytesOf(command, 'a', 'hello')]);
    await expect(published).resolves.toBe(1);
  });

  it('writes the messages of one tick, after the first, as one text', async () => {
    for (const payload of ['1', '2', '3']) void pipeline.send('a', payload, 'channel');
    expect(client.stream.written).toHaveLength(1);
    await nextTick();
    expect(client.stream.written).toEqual([
      bytesOf('publish', 'a', '1'),
      bytesOf('publish', 'a', '2') + bytesOf('publish', 'a', '3'),
    ]);
    expect(client.stream.calls).toEqual(['write', 'cork', 'write', 'uncork']);
  });

  it('writes every 50 messages without waiting for the end of the tick', async () => {
    for (let i = 0; i < 103; i++) void pipeline.send('a', '', 'channel');
    expect(client.sent).toHaveLength(101);
    await nextTick();
    expect(client.sent).toHaveLength(103);
    expect(client.stream.written).toHaveLength(4);
  });

  it('writes the waiting messages at a flush, once', async () => {
    for (const payload of ['1', '2']) void pipeline.send('a', payload, 'channel');
    pipeline.flush();
    expect(client.sent).toHaveLength(2);
    await nextTick();
    expect(client.sent).toHaveLength(2);
  });

  it('keeps the order of text and bytes', async () => {
    void pipeline.send('a', '0', 'channel');
    void pipeline.send('a', '1', 'channel');
    void pipeline.send('a', Buffer.from('2'), 'channel');
    void pipeline.send('a', '3', 'channel');
    await nextTick();
    expect(client.stream.written.join('')).toBe(
      ['0', '1', '2', '3'].map((payload) => bytesOf('publish', 'a', payload)).join(''),
    );
  });

  it('writes long text in several parts, in their order', async () => {
    const long = 'x'.repeat(40_000);
    for (const payload of ['0', long, long, '3']) void pipeline.send('a', payload, 'channel');
    await nextTick();
    expect(client.stream.written).toHaveLength(3);
    expect(client.stream.written.join('')).toBe(
      ['0', long, long, '3'].map((payload) => bytesOf('publish', 'a', payload)).join(''),
    );
  });

  it('sends the other messages when one throws', async () => {
    const sendCommand = client.sendCommand.bind(client);
    client.sendCommand = (command, writer) => {
      if (command.args[0] === 'bad') throw new Error('cannot write');
      return sendCommand(command, writer);
    };
    void pipeline.send('a', '', 'channel');
    const bad = pipeline.send('bad', '', 'channel');
    const good = pipeline.send('good', '', 'channel');
    await expect(bad).rejects.toThrow('cannot write');
    await expect(good).resolves.toBe(1);
  });

  it.each([
    [replyError('NOPERM no'), CommandRefusedError, 'Redis refused to publish to "a": NOPERM no'],
    [
      new Error('Connection is closed.'),
      ConnectionError,
      'The connection was lost before Redis confirmed the message to "a", which it may have published: Connection is closed.',
    ],
  ])('converts the error %s', async (error, type, message) => {
    client.onCommand = ({ reject }) => reject(error);
    const published = pipeline.send('a', '', 'channel');
    await expect(published).rejects.toBeInstanceOf(type);
    await expect(published).rejects.toMatchObject({ message, cause: error });
  });
});

describe('toBuffer', () => {
  it('keeps text and buffers', () => {
    const buffer = Buffer.from('a');
    expect([toBuffer('a'), toBuffer(buffer)]).toEqual(['a', buffer]);
    expect(toBuffer(buffer)).toBe(buffer);
  });

  it('converts a part of other bytes without a copy', () => {
    const bytes = new Uint8Array([0, 1, 2, 3]);
    const converted = toBuffer(bytes.subarray(1, 3)) as Buffer;
    expect(converted).toEqual(Buffer.from([1, 2]));
    expect(converted.buffer).toBe(bytes.buffer);
  });
});

describe('publishError', () => {
  it('explains a MOVED', () => {
    expect(publishError('a', replyError('MOVED 1 10.0.0.2:1')).message).toContain(
      'another node of a Cluster has this shard channel',
    );
  });
});
