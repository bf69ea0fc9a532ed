import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createClient } from '../../support/app.js';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import { allOf, numbers, startMembers } from '../groups/members.js';

describe('a group in a Cluster', () => {
  const cluster = useCluster();

  it.each([false, true])('handles each message once (sharded: %s)', async (sharded) => {
    const options = { connection: { nodes: cluster().startupNodes }, sharded };
    const channels = ['a', 'b', 'c', 'd', 'e', 'f'].map((it) => `order.${it}`);
    const members = await Promise.all(
      channels.map((pattern) =>
        startMembers(2, { pattern, extras: { group: 'billing' }, options }),
      ),
    );
    const client = createClient(options);
    await client.connect();
    await Promise.all(
      channels.flatMap((channel) =>
        numbers(20).map((number) => firstValueFrom(client.emit(channel, number))),
      ),
    );
    await eventually(() => members.every((it) => allOf(it).length >= 20));
    for (const it of members) expect(allOf(it)).toEqual(numbers(20));
  });
});
