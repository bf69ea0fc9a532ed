import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CandidateProcess } from '../support/faults/candidate-process.js';
import { IOREDIS } from '../support/faults/candidates.js';
import { eventually } from '../support/redis.js';
import { holdSubscriptions } from '../support/faults/hold-subscriptions.js';
import { killSubscribers } from '../support/faults/kill-subscribers.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { findFault, type Fault } from './fault.js';
import { firstChannel } from './first-channel.js';
import { IoredisSubscriber } from './ioredis-subscriber.js';
import { Scenario } from './scenario.js';
import { standaloneFaults } from './standalone-faults.js';

/** Each fault does harm without the feature of this package that handles it. */
describe('counter-proofs for a standalone Redis', () => {
  let redis: StandaloneTopology;
  let opened: IoredisSubscriber | undefined;
  beforeAll(async () => {
    redis = await StandaloneTopology.start();
  });
  afterEach(() => opened?.close());
  afterAll(() => redis.stop());

  const faultOf = (name: string): Fault => findFault(standaloneFaults(redis), name);

  const subscribe = async (scenario: Scenario, options = {}): Promise<IoredisSubscriber> => {
    const connection = { ...redis.connection, ...options };
    opened = await IoredisSubscriber.start(connection, firstChannel(scenario));
    return opened;
  };

  const subscribers = async ({ name }: NumberedChannel): Promise<number> => {
    const [, count] = (await redis.control.pubsub('NUMSUB', name)) as [string, number];
    return count;
  };

  it('[ioredis that does not subscribe again] is ready and deaf after CLIENT KILL', async () => {
    await Scenario.run(redis, async (scenario) => {
      const channel = firstChannel(scenario);
      const subscriber = await subscribe(scenario, { autoResubscribe: false });
      await killSubscribers(redis.nodes());
      const { next } = channel;
      await eventually(() => subscriber.events.includes('ready'), 'ioredis is ready again');
      await eventually(
        async () => (await subscribers(channel)) === 1,
        'the application is subscribed again',
      );
      await scenario.receivesFromNowOn();
      expect(subscriber.client.status).toBe('ready');
      expect(subscriber.receives(next)).toBe(false);
      subscriber.close();
    });
  });

  it('[ioredis] is ready without an event while its server hangs', async () => {
    await Scenario.run(redis, async (scenario) => {
      const subscriber = await subscribe(scenario);
      const fault = faultOf('SIGSTOP for longer than every deadline, then SIGCONT');
      const injection = await fault.inject(scenario);
      await injection.showsEffect?.();
      expect(scenario.application.status).toBe('reconnecting');
      expect(subscriber.client.status).toBe('ready');
      expect(subscriber.events).toEqual([]);
      await injection.stop?.();
      await scenario.receivesFromNowOn();
      subscriber.close();
    });
  });

  it('[ioredis] emits ready before Redis has its subscription', async () => {
    await Scenario.run(redis, async (scenario) => {
      const subscriber = await subscribe(scenario);
      holdSubscriptions(redis.proxy);
      await killSubscribers(redis.nodes());
      await eventually(() => subscriber.events.includes('ready'), 'ioredis emits ready');
      await eventually(() => redis.proxy.holding >= 2, 'the proxy holds both SUBSCRIBE');
      expect(await subscribers(firstChannel(scenario))).toBe(0);
      expect(scenario.application.status).not.toBe('connected');
      redis.proxy.release();
      await scenario.receivesFromNowOn();
      subscriber.close();
    });
  });

  it.each(['cut in the middle of a message', 'output buffer limit reached'])(
    '[ioredis] loses accepted messages with the events of any other reconnection: %s',
    async (name) => {
      await Scenario.run(redis, async (scenario) => {
        const channel = firstChannel(scenario);
        const subscriber = await subscribe(scenario);
        // The fault may hit between two messages, and lose nothing.
        await eventually(async () => {
          const before = channel.next;
          subscriber.events.length = 0;
          await scenario.inject(faultOf(name));
          const after = channel.next;
          await eventually(() => subscriber.receives(after), 'ioredis receives again');
          const events = subscriber.events.filter((event) => event !== 'error');
          expect(events).toEqual(['close', 'ready']);
          return subscriber.recorder.lost(after).some(({ number }) => number >= before);
        }, 'ioredis loses an accepted message');
        await scenario.receivesFromNowOn();
        subscriber.close();
      });
    },
  );

  it('[ioredis] ends the process when the ACL is tightened', async () => {
    const channel = new NumberedChannel('counter-proof.acl');
    const candidate = new CandidateProcess(IOREDIS, channel, redis.connection);
    try {
      await eventually(() => candidate.readyAt.length > 0, 'ioredis is subscribed');
      await redis.denyChannels();
      const { code, output } = await candidate.exited;
      await redis.allowChannels();
      expect(code).toBe(1);
      expect(output).toContain('NOPERM');
    } finally {
      await candidate.stop();
    }
  });

  it('[without PING] stays connected and deaf when half-open in the direction of the client', async () => {
    await Scenario.run(
      redis,
      async (scenario) => {
        const fault = faultOf('half-open in the direction of the client');
        const injection = await fault.inject(scenario);
        const { next } = firstChannel(scenario);
        await injection.showsEffect?.();
        const { status, recorders } = scenario.application;
        expect(status).toBe('connected');
        expect(recorders.every(({ last }) => last <= next)).toBe(true);
        await injection.cleanUp?.();
        redis.proxy.cut();
      },
      { pingInterval: 3_600_000, probeInterval: 0 },
    );
  });

  it('[without PING] never acknowledges a subscription when half-open in the direction of the server', async () => {
    await Scenario.run(
      redis,
      async (scenario) => {
        const fault = faultOf('half-open in the direction of the server');
        const injection = await fault.inject(scenario);
        let isSubscribed = false;
        const onSubscribed = (): void => {
          isSubscribed = true;
        };
        scenario.application.service.observe('chaos.never', { onSubscribed }).subscribe();
        await injection.showsEffect?.();
        expect(scenario.application.status).toBe('connected');
        expect(isSubscribed).toBe(false);
        await injection.cleanUp?.();
        redis.proxy.cut();
      },
      { pingInterval: 3_600_000, probeInterval: 0 },
    );
  });

  it('[without gaps] finds a loss that no gap reports', async () => {
    await expect(
      Scenario.run(redis, async (scenario) => {
        for (const { gaps } of scenario.application.recorders) gaps.push = () => 0;
        await scenario.measure(faultOf('output buffer limit reached'));
      }),
    ).rejects.toThrow(/was lost outside of the reported gaps: none/);
  });

  it('[without counts] finds a loss that is not told', async () => {
    await expect(
      Scenario.run(redis, async (scenario) => {
        for (const audit of scenario.application.audits) audit.tell = () => undefined;
        await scenario.measure(faultOf('CLIENT KILL of the subscriber'));
      }),
    ).rejects.toThrow(/0 told as lost between \d+ and \d+, where \d+ were/);
  });
});
