import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BareSubscriber, spawnBareSubscriber } from './bare-subscriber.js';
import { Scenario } from './scenario.js';
import { Standalone } from './standalone.js';
import { faultOf } from './topology.js';
import { until } from './until.js';

const CHANNEL = 'chaos.literal';

/** Each fault once more, without what keeps this library from it. */
describe('a standalone Redis, and the faults are real', () => {
  let redis: Standalone;
  let bare: BareSubscriber | undefined;
  beforeAll(async () => {
    redis = await Standalone.start();
  });
  afterEach(() => bare?.close());
  afterAll(() => redis.stop());

  const subscribers = async (): Promise<number> => {
    const [, count] = (await redis.control.pubsub('NUMSUB', CHANNEL)) as [string, number];
    return count;
  };

  it('[ioredis that does not subscribe again] is ready and deaf after CLIENT KILL', async () => {
    await Scenario.run(redis, async (scenario) => {
      const twin = await BareSubscriber.start(
        { ...redis.connection, autoResubscribe: false },
        CHANNEL,
      );
      bare = twin;
      await redis.control.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const killed = next(scenario);
      await until('the twin is back', () => twin.events.includes('ready'));
      await until('the application is back', async () => (await subscribers()) === 1);
      await scenario.hearsFromNowOn();
      expect(twin.client.status).toBe('ready');
      expect(twin.hears(killed)).toBe(false);
      twin.close();
    });
  });

  it('[ioredis] is ready, and says nothing, while its server hangs', async () => {
    await Scenario.run(redis, async (scenario) => {
      const twin = await BareSubscriber.start(redis.connection, CHANNEL);
      bare = twin;
      const fault = faultOf(redis, 'SIGSTOP for longer than every deadline, then SIGCONT');
      const strike = await fault.strike(scenario);
      await strike.lasts?.();
      expect(scenario.subject.status).toBe('reconnecting');
      expect(twin.client.status).toBe('ready');
      expect(twin.events).toEqual([]);
      await strike.end?.();
      await scenario.hearsFromNowOn();
      twin.close();
    });
  });

  it('[ioredis] says ready before Redis knows of its subscription', async () => {
    await Scenario.run(redis, async (scenario) => {
      const twin = await BareSubscriber.start(redis.connection, CHANNEL);
      bare = twin;
      redis.proxy.hold(/subscribe/i);
      await redis.control.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await until('the twin says ready', () => twin.events.includes('ready'));
      await until('SUBSCRIBE of both is on hold', () => redis.proxy.holding >= 2);
      expect(await subscribers()).toBe(0);
      expect(scenario.subject.status).not.toBe('connected');
      redis.proxy.release();
      await scenario.hearsFromNowOn();
      twin.close();
    });
  });

  it.each(['cut in the middle of a message', 'output buffer limit reached'])(
    '[ioredis] loses what Redis accepted, and cannot tell it from any close: %s',
    async (name) => {
      await Scenario.run(redis, async (scenario) => {
        const twin = await BareSubscriber.start(redis.connection, CHANNEL);
        bare = twin;
        // Nothing may be on its way in the very moment of a fault.
        await until('the twin loses what Redis accepted', async () => {
          const before = next(scenario);
          twin.events.length = 0;
          await scenario.strike(faultOf(redis, name));
          const after = next(scenario);
          await until('the twin hears again', () => twin.hears(after));
          expect(twin.events.filter((event) => event !== 'error')).toEqual(['close', 'ready']);
          const accepted = [...(scenario.lanes.plain[0]?.publications.values() ?? [])].filter(
            ({ number, outcome }) => number >= before && number < after && outcome === 'accepted',
          );
          return accepted.some(
            ({ number }) => !twin.heard.some((message) => message.includes(`"number":${number}`)),
          );
        });
        await scenario.hearsFromNowOn();
        twin.close();
      });
    },
  );

  it('[ioredis] ends the process when an ACL is tightened', async () => {
    const child = await spawnBareSubscriber(redis.connection, CHANNEL);
    await redis.control.call('ACL', 'SETUSER', 'app', 'resetchannels', '&other.*');
    const { code, output } = await child.exited;
    await redis.control.call('ACL', 'SETUSER', 'app', 'allchannels');
    expect(code).toBe(1);
    expect(output).toContain('NOPERM');
  });

  it('[without PING] stays connected and deaf when half-open in the direction of the client', async () => {
    await Scenario.run(
      redis,
      async (scenario) => {
        const fault = faultOf(redis, 'half-open in the direction of the client');
        const strike = await fault.strike(scenario);
        const after = next(scenario);
        await strike.lasts?.();
        expect(scenario.subject.status).toBe('connected');
        expect(scenario.subject.ears.every((ear) => ear.last <= after)).toBe(true);
        await strike.cleanUp?.();
        redis.proxy.cut();
      },
      { pingInterval: 3_600_000, probeInterval: 0 },
    );
  });

  it('[without PING] never gets a new subscription when half-open in the direction of the server', async () => {
    await Scenario.run(
      redis,
      async (scenario) => {
        const fault = faultOf(redis, 'half-open in the direction of the server');
        const strike = await fault.strike(scenario);
        let isAcknowledged = false;
        const onSubscribed = (): void => {
          isAcknowledged = true;
        };
        scenario.subject.service.observe('chaos.never', { onSubscribed }).subscribe();
        await strike.lasts?.();
        expect(scenario.subject.status).toBe('connected');
        expect(isAcknowledged).toBe(false);
        await strike.cleanUp?.();
        redis.proxy.cut();
      },
      { pingInterval: 3_600_000, probeInterval: 0 },
    );
  });

  it('[without gaps] a loss that nobody is told of is found', async () => {
    await expect(
      Scenario.run(redis, async (scenario) => {
        for (const { gaps } of scenario.subject.ears) gaps.push = () => 0;
        await scenario.suffer(faultOf(redis, 'output buffer limit reached'));
      }),
    ).rejects.toThrow(/was lost outside of the gaps told: none/);
  });
});

/** The number that the next message of the channel will have. */
const next = ({ lanes }: Scenario): number => lanes.plain[0]?.next ?? 0;
