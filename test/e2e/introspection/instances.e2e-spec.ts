import { hostname } from 'node:os';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  contractHash,
  defineEvents,
  dto,
  On,
  PubSubInspector,
  type RedisPubSubModuleOptions,
} from 'nestjs-redis-pubsub';
import { closeAfterTest, createClient, startService } from '../../support/app.js';
import { Gate } from '../../support/gate.js';
import { eventHandlers } from '../../support/handlers.js';
import { eventually, useRedis } from '../../support/redis.js';
import { OrderHandlers, startInstance, timeout, UserHandlers } from './fleet.js';

const flipped = (bytes: Buffer): Buffer => bytes.map((it) => 255 - it) as Buffer;

/** A codec of an application: no other instance could read it. */
const codec = {
  encode: (value: unknown) => flipped(Buffer.from(JSON.stringify(value))),
  decode: (bytes: Buffer) => JSON.parse(flipped(bytes).toString()) as unknown,
} as unknown as RedisPubSubModuleOptions['codec'];

const names = (instances: readonly { readonly name: string }[]): string[] =>
  instances.map(({ name }) => name);

describe('the instances of a fleet', () => {
  const redis = useRedis();
  it('answer a ping: modules with and without handlers, and servers without a module', async () => {
    const prefix = 'ping:';
    const { inspector } = await startInstance(redis, { name: 'gateway', prefix });
    await startInstance(redis, { name: 'orders', prefix }, { controllers: [OrderHandlers] });
    await startService(eventHandlers({ a: () => {} }), {
      connection: redis.url,
      name: 'bare',
      prefix,
    });
    const { instances, missing, silent } = await inspector.ping({ timeout });
    expect(names(instances)).toEqual(['bare', 'gateway', 'orders']);
    expect(new Set(instances.map(({ id }) => id)).size).toBe(3);
    expect(instances[0]?.version).toMatch(/^\d+\.\d+\.\d+/);
    expect({ missing, silent }).toEqual({ missing: [], silent: 0 });
    const again = await inspector.ping({ timeout });
    expect(again.instances).toEqual(instances);
  });

  it('tell what they are, with their handlers', async () => {
    const prefix = 'info:';
    const { inspector } = await startInstance(
      redis,
      { name: 'orders', prefix },
      { controllers: [OrderHandlers], providers: [UserHandlers] },
    );
    const { instances } = await inspector.instances({ timeout });
    expect(instances).toHaveLength(1);
    const [info] = instances;
    expect(info).toMatchObject({ host: hostname(), pid: process.pid, prefix, codec: 'envelope' });
    expect(Date.now() - info!.startedAt.getTime()).toBeLessThan(60_000);
    expect(info).not.toHaveProperty('contracts');
    expect(info?.handlers).toHaveLength(3);
    expect(info?.handlers).toEqual(
      expect.arrayContaining([
        {
          pattern: 'order.*',
          kind: 'event',
          subscription: 'pattern',
          name: 'info:order.*',
          method: 'OrderHandlers.onOrder',
          options: { concurrency: 2, order: 'channel' },
        },
        {
          pattern: 'order.get',
          kind: 'message',
          subscription: 'channel',
          name: 'info:order.get',
          method: 'OrderHandlers.get',
          options: {},
        },
        {
          pattern: 'user.:id',
          kind: 'event',
          subscription: 'pattern',
          name: 'info:user.*',
          method: 'UserHandlers.onUser',
          options: {},
        },
      ]),
    );
  });

  it('tell what an ACL must allow them', async () => {
    const prefix = 'access:';
    const { inspector, service } = await startInstance(
      redis,
      { prefix },
      { controllers: [OrderHandlers] },
    );
    const access = async () => (await inspector.instances({ timeout })).instances[0]?.access;
    expect(await access()).toMatchObject({
      publishes: false,
      requests: false,
      replies: true,
      subscribes: true,
      subscribesPatterns: true,
      subscribesSharded: false,
      globs: ['access:order.*'],
      sharded: false,
      reservedSegment: '_pubsub',
      probes: true,
      introspectionChannel: '_pubsub.instances.access:',
      adapterChannels: [],
    });
    await service.publish('a', 1);
    await service.subscribePattern('b.*', () => {});
    expect(await access()).toMatchObject({
      publishes: true,
      globs: ['access:order.*', 'access:b.*'],
    });
  });

  it('count what their handlers do', async () => {
    const prefix = 'stats:';
    const { inspector, service } = await startInstance(
      redis,
      { name: 'orders', prefix },
      { controllers: [OrderHandlers] },
    );
    const client = createClient({ connection: redis.url, prefix });
    for (const data of ['a', 'b', 'fail']) await service.publish('order.created', data);
    expect(await firstValueFrom(client.send('order.get', 7))).toEqual({ id: 7 });
    const stats = async () => (await inspector.stats({ timeout })).instances[0];
    await eventually(async () => {
      const handlers = (await stats())?.handlers ?? [];
      return handlers.every(({ running, received }) => running === 0 && received > 0);
    });
    const found = await stats();
    expect(found).toMatchObject({ status: 'connected', reconnects: 0, lost: 0, gaps: 0 });
    // The glob hears the request, too.
    expect(found?.handlers.find(({ kind }) => kind === 'event')).toEqual({
      pattern: 'order.*',
      kind: 'event',
      subscription: 'pattern',
      method: 'OrderHandlers.onOrder',
      received: 4,
      handled: 3,
      failed: 1,
      dropped: 0,
      waiting: 0,
      running: 0,
      gaps: 0,
    });
    expect(found?.handlers.find(({ kind }) => kind === 'message')).toMatchObject({
      received: 1,
      handled: 1,
      failed: 0,
    });
    // Three events and the reply.
    expect(found?.published).toBe(4);
  });

  it('tell the contracts of their handlers as one hash', async () => {
    const prefix = 'contracts:';
    const schema = dto(class {});
    const events = defineEvents({ 'order.paid': schema });
    class Paid {
      @On(events, 'order.paid')
      onPaid() {}
    }
    const { inspector } = await startInstance(redis, { prefix }, { providers: [Paid] });
    const { instances } = await inspector.instances({ timeout });
    expect(instances[0]?.contracts).toBe(contractHash(events));
  });

  it('count what runs, what waits and what is dropped', async () => {
    const prefix = 'queue:';
    const gate = new Gate();
    const { inspector, service } = await startInstance(
      redis,
      { prefix },
      {
        imports: [],
        ...eventHandlers({ a: () => gate.opened }, { concurrency: 1, maxQueue: 2 }),
      },
    );
    for (let i = 0; i < 5; i++) await service.publish('a', i);
    const handler = async () => (await inspector.stats({ timeout })).instances[0]?.handlers[0];
    await eventually(async () => (await handler())?.received === 5);
    expect(await handler()).toMatchObject({ running: 1, waiting: 2, dropped: 2, handled: 0 });
    gate.open();
    await eventually(async () => (await handler())?.handled === 3);
    expect(await handler()).toMatchObject({ running: 0, waiting: 0, dropped: 2 });
  });

  it('answer whatever their codecs are', async () => {
    const prefix = 'codecs:';
    await startInstance(redis, { name: 'json', prefix, codec: 'json' });
    await startInstance(redis, { name: 'own', prefix, codec });
    const { inspector } = await startInstance(redis, { name: 'packet', prefix });
    const { instances } = await inspector.instances({ timeout });
    expect(instances.map((it) => it.codec)).toEqual(['json', 'custom', 'envelope']);
  });

  it('are heard by those of their prefix alone', async () => {
    const { inspector } = await startInstance(redis, { name: 'one', prefix: 'one:' });
    await startInstance(redis, { name: 'two', prefix: 'two:' });
    const { instances } = await inspector.ping({ timeout });
    expect(names(instances)).toEqual(['one']);
  });

  it('do not answer with introspection: false, and cost no subscription', async () => {
    const prefix = 'off:';
    const { inspector } = await startInstance(redis, { name: 'on', prefix });
    await startInstance(redis, { name: 'off', prefix, introspection: false });
    await redis.subscribers('_pubsub.instances.off:', 1);
    expect(names((await inspector.ping({ timeout })).instances)).toEqual(['on']);
  });

  it('are told as missing when they have stopped', async () => {
    const prefix = 'missing:';
    const { inspector } = await startInstance(redis, { name: 'stays', prefix });
    const { close } = await startInstance(redis, { name: 'goes', prefix });
    const before = await inspector.ping({ timeout });
    expect(before.missing).toEqual([]);
    await close();
    await redis.subscribers('_pubsub.instances.missing:', 1);
    const { instances, missing, silent } = await inspector.ping({ timeout });
    expect(names(instances)).toEqual(['stays']);
    expect(missing).toEqual(before.instances.filter(({ name }) => name === 'goes'));
    expect(silent).toBe(0);
  });

  it('answer again after an outage, and count it', async () => {
    const prefix = 'outage:';
    const { inspector } = await startInstance(
      redis,
      { name: 'a', prefix },
      { controllers: [OrderHandlers] },
    );
    await inspector.ping({ timeout });
    await redis.killConnections();
    // A question that is lost with the connection ends with its time.
    const ask = async () => (await inspector.stats({ timeout: 100 })).instances[0];
    await eventually(async () => {
      const found = await ask();
      return found !== undefined && found.reconnects > 0 && found.status === 'connected';
    });
    const [stats] = (await inspector.stats({ timeout })).instances;
    expect(stats?.gaps).toBe(2);
    expect(stats?.handlers.map(({ gaps }) => gaps)).toEqual([1, 1]);
  });

  it('answer an inspector without a module, which is no instance', async () => {
    const prefix = 'alone:';
    await startInstance(redis, { name: 'a', prefix });
    const inspector = new PubSubInspector({ connection: redis.url, prefix });
    closeAfterTest(() => inspector.close());
    const { instances, silent } = await inspector.ping({ timeout });
    expect(names(instances)).toEqual(['a']);
    expect(silent).toBe(0);
    await inspector.close();
    await expect(inspector.ping({ timeout })).rejects.toMatchObject({ code: 'ERR_PUBSUB_CLOSED' });
    await expect(inspector.channels({ timeout })).rejects.toMatchObject({
      code: 'ERR_PUBSUB_CLOSED',
    });
  });

  it('are one bus each, however many servers and clients share it', async () => {
    const prefix = 'shared:';
    const { inspector } = await startInstance(redis, { prefix }, { controllers: [OrderHandlers] });
    await redis.subscribers('_pubsub.instances.shared:', 1);
    expect((await inspector.ping({ timeout })).instances).toHaveLength(1);
  });
});
