import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { captureLog, createClient, startService } from '../support/app.js';
import {
  GROUP_ACL,
  HISTORY_ACL,
  SECURITY_PAGE,
  SERVICE_ACL,
  SHARDED_ACL,
  shellAclsOf,
} from '../support/security-page.js';
import { startService as startModule } from './module/service-app.js';
import { eventually, useRedis } from '../support/redis.js';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';

describe('the ACL of the page on security', () => {
  const redis = useRedis();

  it('has every permission that a service needs', async () => {
    const received: unknown[] = [];
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*')
      onUser(data: unknown) {
        received.push(data);
      }

      @EventPattern<string>('inbox.:id')
      onInbox(data: unknown) {
        received.push(data);
      }

      @MessagePattern('user.get')
      get(id: number) {
        return { id };
      }
    }
    await redis.client.call('ACL', ...SERVICE_ACL);
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const { log } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection, prefix: 'shop:', pingInterval: 50 },
    );
    const client = createClient({ connection, prefix: 'shop:' });
    expect(await firstValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
    expect(await firstValueFrom(client.send('user.get', 7))).toEqual({ id: 7 });
    await eventually(() => received.length > 0);
    expect(log.of('error')).toEqual([]);
    await expect(firstValueFrom(client.emit('x', 1))).resolves.toBe(0);
    await expect(firstValueFrom(createClient({ connection }).emit('x', 1))).rejects.toThrow(
      'Redis refused to publish to "x"',
    );
  });

  it('is the same for a shell', () => {
    const rules = shellAclsOf(SECURITY_PAGE).flatMap(([, , ...it]) => it);
    expect(['SETUSER', 'shop', ...rules]).toEqual(SERVICE_ACL);
  });

  it('needs only the channels of the probes where there are no requests', async () => {
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*')
      onUser() {}
    }
    const probes = '&_pubsub.probe.*';
    expect(SECURITY_PAGE).toContain(`\`${probes}\` in the place of \`&_pubsub.*\``);
    const rules = SERVICE_ACL.map((rule) => (rule === '&_pubsub.*' ? probes : rule));
    await redis.client.acl('DELUSER', 'shop');
    await redis.client.call('ACL', ...rules);
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const { log } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection, prefix: 'shop:', probeInterval: 20, introspection: false },
    );
    await eventually(async () => {
      const found = (await redis.client.pubsub('CHANNELS', '_pubsub.*')) as string[];
      return found.length === 1 && found[0]!.startsWith('_pubsub.probe.');
    });
    expect([...log.of('warn'), ...log.of('error')]).toEqual([]);
  });

  it.each([
    ['the channel', '&_pubsub.*', 'to subscribe to'],
    ['PUBLISH', '+publish', 'to publish to'],
  ])('warns once that there is no probe without %s', async (_, missing, refused) => {
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*')
      onUser() {}
    }
    await redis.client.acl('DELUSER', 'shop');
    await redis.client.call('ACL', ...SERVICE_ACL.filter((rule) => rule !== missing));
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const { log } = await startService(
      { module: class {}, controllers: [Handlers] },
      { connection, prefix: 'shop:', probeInterval: 20 },
    );
    const lines = () => log.of('warn').filter((line) => line.includes('no delivery probe'));
    await eventually(() => lines().length > 0);
    expect(lines()).toEqual([
      expect.stringMatching(`not noticed: Redis refused ${refused} "_pubsub.probe`) as string,
    ]);
    expect(log.of('error')).toEqual([]);
  });

  it('needs no permission to subscribe where a service only publishes', async () => {
    const rules = SERVICE_ACL.filter((rule) => !/subscribe|pubsub/.test(rule));
    await redis.client.acl('DELUSER', 'shop');
    await redis.client.call('ACL', ...rules);
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const log = captureLog();
    const client = createClient({ connection, prefix: 'shop:', probeInterval: 20 });
    expect(await firstValueFrom(client.emit('user.created', 'Ada'))).toBe(0);
    expect([...log.of('warn'), ...log.of('error')]).toEqual([]);
  });

  it('has every permission that a service with history needs, and no other one suffices', async () => {
    await redis.client.acl('DELUSER', 'shop');
    await redis.client.call('ACL', ...SERVICE_ACL);
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const history = { 'inbox.:id': { size: 1, ttl: 60_000 } };
    const { service } = await startModule(redis, { connection, prefix: 'shop:', history });
    await expect(service.publish('inbox.1', 1)).rejects.toThrow('Redis refused to publish');
    await expect(service.history('inbox.1')).rejects.toThrow('Redis refused the query');
    await redis.client.call('ACL', ...HISTORY_ACL);
    const data = async (): Promise<unknown[]> =>
      (await service.history('inbox.1')).messages.map((message) => message.data);
    for (const it of [1, 2, 3]) await service.publish('inbox.1', it);
    expect(await data()).toEqual([3]);
    const rights = HISTORY_ACL.filter((rule) => /^\+(rpush|ltrim|pexpire|lrange)$/.test(rule));
    expect(rights).toHaveLength(4);
    for (const right of rights) {
      await redis.client.call('ACL', 'SETUSER', 'shop', right.replace('+', '-'));
      const use = right === '+lrange' ? service.history('inbox.1') : service.publish('inbox.1', 4);
      await expect(use).rejects.toThrow('Redis refused');
      await redis.client.call('ACL', 'SETUSER', 'shop', right);
    }
    expect(await data()).toEqual([3]);
  });

  it.runIf(HAS_SHARDED)(
    `has every permission that a service with sharded Pub/Sub needs${IF_SHARDED}`,
    async () => {
      const received: unknown[] = [];
      @Controller()
      class Handlers {
        @EventPattern<string>('user.created')
        onUser(data: unknown) {
          received.push(data);
        }
      }
      await redis.client.call('ACL', ...SERVICE_ACL);
      await redis.client.call('ACL', ...SHARDED_ACL);
      const connection = { port: redis.port, username: 'shop', password: 'secret' };
      const options = { connection, prefix: 'shop:', sharded: true };
      const { log } = await startService({ module: class {}, controllers: [Handlers] }, options);
      const client = createClient(options);
      expect(await firstValueFrom(client.emit('user.created', 'Ada'))).toBe(1);
      await eventually(() => received.length > 0);
      expect(log.of('error')).toEqual([]);
    },
  );

  it('has every permission that the handlers of a group need, and no other', async () => {
    const received: unknown[] = [];
    @Controller()
    class Handlers {
      @EventPattern<string>('user.*', { group: 'billing' })
      onUser(data: unknown) {
        received.push(data);
      }
    }
    const connection = { port: redis.port, username: 'shop', password: 'secret' };
    const start = async (...rules: string[]) => {
      await redis.client.acl('DELUSER', 'shop');
      await redis.client.call('ACL', ...SERVICE_ACL);
      await redis.client.call('ACL', 'SETUSER', 'shop', ...rules);
      const service = { module: class {}, controllers: [Handlers] };
      return startService(service, { connection, prefix: 'shop:' });
    };
    const [, , ...rules] = GROUP_ACL;
    expect(rules).toEqual(['~shop:_pubsub.claim.*', '+bitfield', '+pexpire', '+set']);
    const client = createClient({ connection: redis.url, prefix: 'shop:' });
    const foreign = { pattern: 'user.created', data: 'foreign', mid: 'x' };
    const allowed = await start(...rules);
    await firstValueFrom(client.emit('user.created', 'ours'));
    await redis.client.publish('shop:user.created', JSON.stringify(foreign));
    await eventually(() => received.length === 2);
    const [key = ''] = await redis.client.keys('shop:_pubsub.claim.billing.*.0');
    expect(await redis.client.pttl(key)).toBeGreaterThan(0);
    expect([...allowed.log.of('warn'), ...allowed.log.of('error')]).toEqual([]);
    await allowed.app.close();
    const refused = await start();
    await firstValueFrom(client.emit('user.created', 'lost'));
    await eventually(() => refused.log.of('error').length > 0);
    expect(refused.log.of('error')[0]).toMatch(
      /^The group "billing" dropped a message on "shop:user.created" that it could not claim: Redis refused to claim "shop:_pubsub.claim.billing/,
    );
    expect(received.toSorted()).toEqual(['foreign', 'ours']);
  });
});
