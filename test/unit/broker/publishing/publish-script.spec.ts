import { beforeEach, describe, expect, it } from 'vitest';
import { PublishPipeline } from '../../../../src/broker/publishing/publish-pipeline.js';
import { PublishScript } from '../../../../src/broker/publishing/publish-script.js';
import { CommandRefusedError, ConnectionError } from '../../../../src/errors.js';
import { FakeClient, FakeLog, replyError } from '../fake-client.js';

const nextTick = (): Promise<unknown> => new Promise(setImmediate);

describe('PublishScript', () => {
  let client: FakeClient;
  let log: FakeLog;
  let script: PublishScript;
  beforeEach(async () => {
    client = new FakeClient();
    client.becomeReady();
    client.onCommand = ({ name, args, resolve }) =>
      resolve(
        name === 'eval'
          ? args
              .slice(2)
              .filter((_, i) => i % 2 === 0)
              .map(() => 2)
          : 1,
      );
    log = new FakeLog();
    script = new PublishScript(client.redis, new PublishPipeline(client.redis), log);
    await script.onReady();
    client.sent.length = 0;
  });

  const sendMany = (count: number, payload: string | Uint8Array = 'x'): Promise<number>[] =>
    Array.from({ length: count }, (_, i) => script.send(`c${i}`, payload));
  /** The commands that were sent; scripts with the numbers of their messages. */
  const sent = (): string[] =>
    client.sent.map(({ name, args }) =>
      name === 'eval' ? `eval ${(args.length - 2) / 2}` : `${name} ${String(args[0])}`,
    );

  it('sends fewer than 32 messages one by one', async () => {
    const published = sendMany(31);
    expect(sent()).toEqual([]);
    await nextTick();
    expect([sent().length, sent()[0], sent().at(-1)]).toEqual([31, 'publish c0', 'publish c30']);
    expect(await Promise.all(published)).toEqual(Array(31).fill(1));
  });

  it('sends 32 messages with one script, in their order', async () => {
    const published = sendMany(32);
    await nextTick();
    expect(sent()).toEqual(['eval 32']);
    expect(client.sent[0]?.args.slice(2, 6)).toEqual(['c0', 'x', 'c1', 'x']);
    expect(await Promise.all(published)).toEqual(Array(32).fill(2));
  });

  it('sends at most 512 messages with a script', async () => {
    void sendMany(1_100);
    await nextTick();
    expect(sent()).toEqual(['eval 512', 'eval 512', 'eval 76']);
  });

  it('sends at most 256 KiB with a script, and a larger message alone', async () => {
    void sendMany(2, 'é'.repeat(60_000));
    void sendMany(1, 'x'.repeat(300_000));
    void sendMany(40, 'x');
    await nextTick();
    expect(sent()).toEqual(['eval 2', 'eval 1', 'eval 40']);
  });

  it('sends the waiting messages at a flush', () => {
    void sendMany(32);
    script.flush();
    expect(sent()).toEqual(['eval 32']);
  });

  it('settles each message with its own reply', async () => {
    client.onCommand = ({ args, resolve }) =>
      resolve(
        Array.from({ length: (args.length - 2) / 2 }, (_, i) =>
          i === 3 ? replyError('NOPERM') : i,
        ),
      );
    const outcomes = await Promise.allSettled(sendMany(32));
    expect(outcomes[2]).toEqual({ status: 'fulfilled', value: 2 });
    expect(outcomes[3]).toMatchObject({ status: 'rejected' });
    expect((outcomes[3] as PromiseRejectedResult).reason).toBeInstanceOf(CommandRefusedError);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(log.lines).toEqual([]);
  });

  it('rejects all of a refused script, sends none again, and uses no further script', async () => {
    client.onCommand = ({ reject }) => reject(replyError('NOPERM eval'));
    const outcomes = await Promise.allSettled(sendMany(32));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    expect(sent()).toEqual(['eval 32']);
    expect(log.lines).toEqual([
      'warn: Redis refuses the scripts of batchPublishes (NOPERM eval); sending one PUBLISH for each message. Allow EVAL, or set batchPublishes to false',
    ]);
    client.sent.length = 0;
    client.onCommand = ({ resolve }) => resolve(1);
    void sendMany(32);
    await nextTick();
    expect([sent().length, sent()[0]]).toEqual([32, 'publish c0']);
  });

  it('rejects with a ConnectionError when the connection is lost, and logs nothing', async () => {
    client.onCommand = ({ reject }) => reject(new Error('Connection is closed.'));
    const [first] = await Promise.allSettled(sendMany(32));
    expect((first as PromiseRejectedResult).reason).toBeInstanceOf(ConnectionError);
    expect(log.lines).toEqual([]);
  });

  it('asks at each connection whether scripts are allowed', async () => {
    client.onCommand = ({ reject }) => reject(replyError('NOPERM eval'));
    await script.onReady();
    expect([sent(), log.lines.length]).toEqual([['eval 0'], 1]);
    client.onCommand = ({ resolve }) => resolve([]);
    await script.onReady();
    client.sent.length = 0;
    void sendMany(32);
    await nextTick();
    expect(sent()).toEqual(['eval 32']);
  });

  it('uses no script before the answer', async () => {
    client.onCommand = () => undefined;
    void script.onReady();
    void sendMany(32);
    await nextTick();
    expect(sent()[1]).toBe('publish c0');
  });

  it('logs nothing when the connection is lost before the answer', async () => {
    client.onCommand = ({ reject }) => reject(new Error('Connection is closed.'));
    await script.onReady();
    expect(log.lines).toEqual([]);
  });
});
