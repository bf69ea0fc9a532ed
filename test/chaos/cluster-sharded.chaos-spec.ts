import { describe, expect, it } from 'vitest';
import { BareSubscriber } from './bare-subscriber.js';
import { clusterSuite, NAMES } from './cluster.suite.js';
import { pastEveryDeadline } from './durations.js';
import { Random } from './random.js';
import { sufferAtRandom } from './random-faults.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';
import { faultOf } from './topology.js';

describe('a Cluster with sharded Pub/Sub', () => {
  const redis = clusterSuite(NAMES, { isSharded: true });

  it('random faults in a row: nobody stays deaf', { timeout: 3_600_000 }, async () => {
    const { seed, faults } = settings();
    const played = Scenario.run(redis(), (scenario) =>
      sufferAtRandom(scenario, redis().faults, new Random(seed), faults),
    );
    await expect(played).resolves.toBeUndefined();
  });

  it.each(['killed master of the subscriber', 'hung master of the subscriber'])(
    '[ioredis at the owner of the slot] is deaf when the application hears again: %s',
    async (name) => {
      await Scenario.run(redis(), async (scenario) => {
        const channel = channelOf(scenario);
        const { port } = await redis().cluster.ownerOf(channel);
        const twin = await BareSubscriber.startSharded({ host: '127.0.0.1', port }, channel);
        const { strike } = await scenario.strike(faultOf(redis(), name));
        const moved = next(scenario);
        await scenario.hearsFromNowOn();
        expect(twin.hears(moved)).toBe(false);
        twin.close();
        await strike.cleanUp?.();
      });
    },
  );

  it('[without PING, and without asking for the nodes] stays connected and deaf: hung master of the subscriber', async () => {
    const never = { pingInterval: 3_600_000, probeInterval: 0 };
    await Scenario.run(
      redis(),
      async (scenario) => {
        const fault = faultOf(redis(), 'hung master of the subscriber');
        const strike = await fault.strike(scenario);
        const after = next(scenario);
        await pastEveryDeadline();
        const ears = scenario.subject.ears.filter(({ lane }) => lane === scenario.lanes.plain[0]);
        expect(scenario.subject.status).toBe('connected');
        expect(ears.every((ear) => ear.last <= after)).toBe(true);
        await strike.cleanUp?.();
      },
      { connection: redis().fixedConnection, ...never },
    );
  });
});

/** The channel whose owner is hit. */
const channelOf = ({ lanes }: Scenario): string => lanes.plain[0]?.channel ?? '';

/** The number that the next message of that channel will have. */
const next = ({ lanes }: Scenario): number => lanes.plain[0]?.next ?? 0;
