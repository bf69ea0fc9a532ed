import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { closeAfterTest } from '../../support/app.js';
import { eventually, useRedis } from '../../support/redis.js';
import { allOf, collect, numbers, startMembers } from './members.js';

describe('a client of Transport.REDIS', () => {
  const redis = useRedis();

  async function connect() {
    const client = ClientProxyFactory.create({
      transport: Transport.REDIS,
      options: { port: redis.port },
    });
    closeAfterTest(async () => client.close());
    await client.connect();
    return client;
  }

  it('gets one answer to each request, of one member', async () => {
    const members = await startMembers(3, {
      pattern: 'user.get',
      extras: { group: 'users' },
      options: { connection: redis.url },
      isRequest: true,
      handle: (_, id) => ({ id }),
    });
    const [one, other] = await Promise.all([connect(), connect()]);
    const replies = await Promise.all(
      numbers(50).map((id) => firstValueFrom((id % 2 ? one : other).send('user.get', id))),
    );
    expect(replies).toEqual(numbers(50).map((id) => ({ id })));
    expect(allOf(members)).toEqual(numbers(50));
  });

  it('sends events without ids, which are dropped, or handled by all', async () => {
    const drops = collect('drop');
    const common = { pattern: 'order.paid', options: { connection: redis.url } };
    const [billing, mail] = await Promise.all([
      startMembers(2, { ...common, extras: { group: 'billing' } }),
      startMembers(2, { ...common, extras: { group: { name: 'mail', withoutId: 'all' } } }),
    ]);
    await firstValueFrom((await connect()).emit('order.paid', 7));
    await eventually(() => drops.length === 2 && allOf(mail).length === 2);
    expect(drops.map(({ reason }) => reason)).toEqual(['no-id', 'no-id']);
    expect([allOf(billing), allOf(mail)]).toEqual([[], [7, 7]]);
  });
});
