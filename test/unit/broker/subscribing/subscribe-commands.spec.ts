import { describe, expect, it } from 'vitest';
import { SubscribeCommands } from '../../../../src/broker/subscribing/subscribe-commands.js';
import { FakeClient } from '../fake-client.js';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

function bench() {
  const client = new FakeClient();
  let answers = 0;
  const commands = new SubscribeCommands(client.redis, () => answers++);
  return { client, commands, answers: () => answers };
}

describe('SubscribeCommands', () => {
  it.each([
    ['channel', 'subscribe', 'unsubscribe'],
    ['pattern', 'psubscribe', 'punsubscribe'],
    ['shard', 'ssubscribe', 'sunsubscribe'],
  ] as const)('sends for the kind "%s" %s and %s', (kind, subscribe, unsubscribe) => {
    const { client, commands } = bench();
    void commands.subscribe(kind, ['a', 'b']);
    void commands.unsubscribe(kind, ['c']);
    expect(client.commands).toEqual([`${subscribe} a b`, `${unsubscribe} c`]);
  });

  it('is busy from 2,048 names without an answer on', async () => {
    const { client, commands } = bench();
    void commands.subscribe('channel', names(2_047));
    expect(commands.isBusy).toBe(false);
    void commands.unsubscribe('channel', ['one']);
    expect(commands.isBusy).toBe(true);
    client.sent[1]?.resolve();
    await Promise.resolve();
    expect(commands.isBusy).toBe(false);
  });

  it('counts a refusal as an answer, and reports each answer', async () => {
    const { client, commands, answers } = bench();
    const refused = commands.subscribe('channel', names(2_048));
    const done = commands.unsubscribe('channel', ['a']);
    client.sent[0]?.reject(new Error('NOPERM'));
    await expect(refused).rejects.toThrow('NOPERM');
    expect([commands.isBusy, answers()]).toEqual([false, 1]);
    client.sent[1]?.resolve(7);
    await expect(done).resolves.toBe(7);
    expect(answers()).toBe(2);
  });

  it('is not busy after a lost connection, and ignores a late answer', async () => {
    const { client, commands } = bench();
    void commands.subscribe('channel', names(3_000));
    commands.onConnectionLost();
    expect(commands.isBusy).toBe(false);
    client.sent[0]?.resolve();
    await Promise.resolve();
    // A count below zero would allow more than the limit.
    void commands.subscribe('channel', names(2_048));
    expect(commands.isBusy).toBe(true);
  });

  it.each([
    ['channel', ['a']],
    ['pattern', ['a']],
    ['shard', ['a', 'b']],
  ] as const)('after an answer for the kind "%s" ioredis knows %j', async (kind, known) => {
    const { client, commands } = bench();
    const kept: string[] = [];
    const subscriber = { add: (_: string, name: string) => kept.push(name) };
    client.condition = { subscriber } as never;
    const add = (name: string): unknown => subscriber.add('subscribe', name);
    add('a');
    const subscribed = commands.subscribe(kind, ['a']);
    client.sent[0]?.resolve();
    await subscribed;
    add('b');
    expect(kept).toEqual(known);
  });
});
