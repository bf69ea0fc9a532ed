import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { captureLog, createClient, startService } from '../support/app.js';
import { SECURITY_PAGE, SERVICE_ACL, SHARDED_ACL, shellAclsOf } from '../support/security-page.js';
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
      { connection, prefix: 'shop:', probeInterval: 20 },
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
});
