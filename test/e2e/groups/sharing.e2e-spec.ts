import { firstValueFrom, lastValueFrom, Observable, of, Subject, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventually, useRedis } from '../../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../../support/sharded.js';
import { allOf, collect, numbers, startMember, startMembers } from './members.js';

const MESSAGES = 500;
const EVENT = 'order.paid';

describe('the members of a group', () => {
  const redis = useRedis();

  const clientOf = (options = {}) => createClient({ connection: redis.url, ...options });

  async function emitAll(data: readonly unknown[], channel = EVENT, options = {}): Promise<void> {
    const client = clientOf(options);
    await client.connect();
    await Promise.all(data.map((it) => firstValueFrom(client.emit(channel, it))));
  }

  it('handle each event once, and other groups and handlers of no group as well', async () => {
    const options = { connection: redis.url };
    const start = (count: number, extras = {}) =>
      startMembers(count, { pattern: EVENT, extras, options });
    const [billing, mail, all] = await Promise.all([
      start(3, { group: 'billing' }),
      start(2, { group: 'mail' }),
      start(2),
    ]);
    await emitAll(numbers(MESSAGES));
    await eventually(() => allOf([...billing, ...mail, ...all]).length >= 4 * MESSAGES);
    expect(allOf(billing)).toEqual(numbers(MESSAGES));
    expect(allOf(mail)).toEqual(numbers(MESSAGES));
    for (const { received } of all) expect(received).toEqual(numbers(MESSAGES));
    // Claims are answered in their order.
    for (const { received } of billing) expect(received).toEqual(allOf([{ ...all[0]!, received }]));
  });

  it('counter-proof: without a group each of them handles each event', async () => {
    const members = await startMembers(3, {
      pattern: EVENT,
      extras: {},
      options: { connection: redis.url },
    });
    await emitAll(numbers(MESSAGES));
    await eventually(() => allOf(members).length >= 3 * MESSAGES);
    for (const { received } of members) expect(received).toEqual(numbers(MESSAGES));
  });

  it.each(['order.*', 'order.:state', 'order.paid'])(
    'share the events of "%s" with other patterns of the group, below a prefix',
    async (pattern) => {
      const options = { connection: redis.url, prefix: 'shop:' };
      const members = await Promise.all([
        startMember(0, { pattern, extras: { group: 'g' }, options }),
        startMember(1, { pattern: EVENT, extras: { group: 'g' }, options }),
      ]);
      await emitAll(numbers(50), EVENT, { prefix: 'shop:' });
      await emitAll([50], EVENT, { prefix: 'shop:' });
      await eventually(() => allOf(members).length >= 51);
      expect(allOf(members)).toEqual(numbers(51));
    },
  );

  it.runIf(HAS_SHARDED)(`share the events of a shard channel${IF_SHARDED}`, async () => {
    const options = { connection: redis.url, sharded: true };
    const members = await startMembers(3, { pattern: EVENT, extras: { group: 'g' }, options });
    await emitAll(numbers(100), EVENT, { sharded: true });
    await eventually(() => allOf(members).length >= 100);
    expect(allOf(members)).toEqual(numbers(100));
  });

  it('share the messages by their speed: one that is busy claims none', async () => {
    const gate = new Gate();
    const started: number[] = [];
    const members = await startMembers(3, {
      pattern: EVENT,
      extras: { group: 'g', concurrency: 1 },
      options: { connection: redis.url },
      handle: (member) => {
        started.push(member);
        // The member that handles the first message is stuck in it.
        return member === started[0] ? gate.opened : undefined;
      },
    });
    await emitAll(numbers(100));
    await eventually(() => started.length >= 100);
    expect(members[started[0] ?? 0]?.received).toHaveLength(1);
    gate.open();
    expect(allOf(members)).toEqual(numbers(100));
  });

  it('keep the order of a channel within each member', async () => {
    const members = await startMembers(3, {
      pattern: 'order.:id',
      extras: { group: 'g', order: 'channel' },
      options: { connection: redis.url },
      handle: () => new Promise(setImmediate),
    });
    await Promise.all(['order.a', 'order.b'].map((channel) => emitAll(numbers(100), channel)));
    await eventually(() => allOf(members).length >= 200);
    expect(allOf(members)).toEqual(numbers(100).flatMap((it) => [it, it]));
  });

  it('answer each request once', async () => {
    const extras = { group: 'users' };
    const members = await startMembers(3, {
      pattern: 'user.get',
      extras,
      options: { connection: redis.url },
      isRequest: true,
      handle: (_, id) => ({ id }),
    });
    const client = clientOf();
    const replies = await Promise.all(
      numbers(100).map((id) => lastValueFrom(client.send('user.get', id).pipe(toArray()))),
    );
    expect(replies).toEqual(numbers(100).map((id) => [{ id }]));
    expect(allOf(members)).toEqual(numbers(100));
    const all = client.sendAll('user.get', 100, { max: 1 });
    expect(await lastValueFrom(all.pipe(toArray()))).toEqual([{ value: { id: 100 } }]);
    const gathered = client.sendAll('user.get', 101, { timeout: 100 });
    expect(await lastValueFrom(gathered.pipe(toArray()))).toEqual([{ value: { id: 101 } }]);
    expect(allOf(members)).toEqual(numbers(102));
  });

  it('send each value of a stream once, until its client leaves', async () => {
    let running = 0;
    await startMembers(3, {
      pattern: 'ticks',
      extras: { group: 'g' },
      options: { connection: redis.url },
      isRequest: true,
      handle: (_, data) => {
        if (data === 'three') return of(1, 2, 3);
        return new Observable((subscriber) => {
          running++;
          subscriber.next('tick');
          return () => running--;
        });
      },
    });
    const client = clientOf();
    const three = client.send('ticks', 'three').pipe(toArray());
    expect(await lastValueFrom(three)).toEqual([1, 2, 3]);
    const values = new Subject<unknown>();
    const first = firstValueFrom(values);
    const subscription = client.send('ticks', 'endless').subscribe(values);
    expect(await first).toBe('tick');
    expect(running).toBe(1);
    subscription.unsubscribe();
    await eventually(() => running === 0);
  });

  it('report who handles a message, and no drop for the others', async () => {
    const [claims, handles, drops] = [collect('claim'), collect('handle'), collect('drop')];
    const members = await startMembers(3, {
      pattern: 'order.*',
      extras: { group: 'billing' },
      options: { connection: redis.url, name: 'shop' },
    });
    await emitAll(numbers(10));
    await eventually(() => claims.length === 30);
    expect(claims[0]).toEqual({
      transport: 'shop',
      channel: EVENT,
      pattern: 'order.*',
      group: 'billing',
      isWon: expect.any(Boolean) as boolean,
    });
    expect(claims.filter(({ isWon }) => isWon)).toHaveLength(10);
    await eventually(() => handles.length === 10);
    expect(drops).toEqual([]);
    expect(members.flatMap(({ log }) => [...log.of('warn'), ...log.of('error')])).toEqual([]);
  });

  it('leave the messages that wait to the others when they close, and handle what they claimed', async () => {
    const gate = new Gate();
    const options = { connection: redis.url };
    const extras = { group: 'g', concurrency: 1 };
    const first = await startMember(0, {
      pattern: EVENT,
      extras,
      options,
      handle: () => gate.opened,
    });
    await emitAll([0]);
    await eventually(() => first.received.length === 1);
    const second = await startMember(1, { pattern: EVENT, extras, options });
    await emitAll(numbers(50).map((it) => it + 1));
    await eventually(() => second.received.length === 50);
    const closed = first.close();
    await emitAll([51]);
    gate.open();
    await closed;
    await eventually(() => second.received.length === 51);
    expect(first.received).toEqual([0]);
  });
});
