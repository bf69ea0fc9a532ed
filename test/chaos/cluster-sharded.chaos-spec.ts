import { describe, expect, it } from 'vitest';
import { HAS_SHARDED, IF_SHARDED } from '../support/sharded.js';
import { clusterFaults } from './cluster-faults.js';
import { clusterSuite, NAMES } from './cluster.suite.js';
import { pastEveryDeadline } from './durations.js';
import { findFault, type Fault } from './fault.js';
import { IoredisSubscriber } from './ioredis-subscriber.js';
import { firstChannel } from './first-channel.js';
import { Random } from '../support/random.js';
import { injectAtRandom } from './random-faults.js';
import { Scenario } from './scenario.js';
import { settings } from './settings.js';

describe.runIf(HAS_SHARDED)(`a Cluster with sharded Pub/Sub${IF_SHARDED}`, () => {
  const redis = clusterSuite(NAMES, { isSharded: true });
  const faultOf = (name: string): Fault => findFault(clusterFaults(redis()), name);

  it(
    'random faults in a row: every listener recovers, and every loss is inside a reported gap',
    { timeout: 3_600_000 },
    async () => {
      const { seed, faults } = settings();
      const finished = Scenario.run(redis(), (scenario) =>
        injectAtRandom(scenario, clusterFaults(redis()), new Random(seed), faults),
      );
      await expect(finished).resolves.toBeUndefined();
    },
  );

  it.each(['killed master of the subscriber', 'hung master of the subscriber'])(
    '[counter-proof, ioredis at the owner of the slot] is deaf when the application has recovered: %s',
    async (name) => {
      await Scenario.run(redis(), async (scenario) => {
        const channel = firstChannel(scenario);
        const { port } = await redis().cluster.ownerOf(channel.name);
        const owner = { host: '127.0.0.1', port };
        const subscriber = await IoredisSubscriber.startSharded(owner, channel);
        const { injection } = await scenario.inject(faultOf(name));
        const { next } = channel;
        await scenario.receivesFromNowOn();
        expect(subscriber.receives(next)).toBe(false);
        subscriber.close();
        await injection.cleanUp?.();
      });
    },
  );

  it('[counter-proof, without PING and topology refresh] stays connected and deaf: hung master of the subscriber', async () => {
    const never = { pingInterval: 3_600_000, probeInterval: 0 };
    await Scenario.run(
      redis(),
      async (scenario) => {
        const channel = firstChannel(scenario);
        const injection = await faultOf('hung master of the subscriber').inject(scenario);
        const { next } = channel;
        await pastEveryDeadline();
        const { status, recorders } = scenario.application;
        expect(status).toBe('connected');
        const ofChannel = recorders.filter((it) => it.channel === channel);
        expect(ofChannel.every(({ last }) => last <= next)).toBe(true);
        await injection.cleanUp?.();
      },
      { connection: redis().fixedConnection, ...never },
    );
  });
});
