import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Heartbeat } from '../../../../src/broker/connection/heartbeat.js';
import {
  advance,
  FakeClient,
  pass,
  replyError,
  useFakeClock,
  useRealClock,
} from '../fake-client.js';

/** What Node reads at once while more is waiting. */
const FULL_READ = 65_536;

describe('Heartbeat', () => {
  let client: FakeClient;
  let deaths: number;
  let heartbeat: Heartbeat;
  let start: number;
  /** The part of the time in which the event loop works. */
  let utilization: number;
  let traffic: NodeJS.Timeout | undefined;

  const create = (pingInterval: number, pingTimeout: number): void => {
    client = new FakeClient();
    client.becomeReady();
    deaths = 0;
    utilization = 0;
    heartbeat = new Heartbeat(
      client.redis,
      { pingInterval, pingTimeout },
      () => {
        deaths++;
        // As the connection does when its socket is destroyed.
        if (traffic) heartbeat.stop();
      },
      () => ({ idle: 0, active: 0, utilization }),
    );
    start = Date.now();
  };
  const confirmed = (): number => heartbeat.lastConfirmed.getTime() - start;
  const receive = (bytes = 1): void => {
    client.stream.bytesRead += bytes;
  };

  /** Short reads: each of them has read all that was there. */
  const startBursts = (pingInterval: number, pingTimeout: number): void => {
    create(pingInterval, pingTimeout);
    heartbeat.start();
    traffic = setInterval(() => receive(FULL_READ + 5), 10);
  };

  beforeEach(() => {
    useFakeClock();
    create(1_000, 400);
  });
  afterEach(() => {
    heartbeat.stop();
    useRealClock();
  });

  it('sends one PING at each interval', async () => {
    client.onCommand = ({ resolve }) => resolve('PONG');
    heartbeat.start();
    await pass(999);
    expect(client.commands).toEqual([]);
    await pass(1);
    expect(client.commands).toEqual(['ping']);
    await pass(2_000);
    expect(client.commands).toEqual(['ping', 'ping', 'ping']);
  });

  it('confirms the connection at the time at which an answered PING was sent', async () => {
    heartbeat.start();
    await pass(1_300);
    expect(confirmed()).toBe(0);
    client.sent[0]?.resolve('PONG');
    await pass(0);
    expect(confirmed()).toBe(1_000);
    expect(deaths).toBe(0);
  });

  it('takes an error of Redis for an answer', async () => {
    heartbeat.start();
    await pass(1_000);
    client.sent[0]?.reject(replyError('MISCONF no save'));
    await pass(400);
    expect([confirmed(), deaths]).toEqual([1_000, 0]);
  });

  it('takes an error of ioredis for no answer', async () => {
    heartbeat.start();
    await pass(1_000);
    client.sent[0]?.reject(new Error('Connection is closed.'));
    await pass(400);
    expect([confirmed(), deaths]).toEqual([0, 1]);
  });

  it('reports a silent connection at the deadline, before it destroys the socket', async () => {
    const { stream } = client;
    heartbeat.start();
    await pass(1_399);
    expect([deaths, stream.destroyed]).toEqual([0, false]);
    await pass(1);
    expect([deaths, stream.destroyed]).toEqual([1, true]);
  });

  it('reports the connection before the socket is destroyed', async () => {
    const order: string[] = [];
    heartbeat.stop();
    heartbeat = new Heartbeat(client.redis, { pingInterval: 10, pingTimeout: 10 }, () =>
      order.push('dead'),
    );
    client.on('close', () => order.push('destroyed'));
    heartbeat.start();
    await pass(20);
    expect(order).toEqual(['dead', 'destroyed']);
  });

  it('replaces a connection at the third deadline without an answer, although bytes arrive', async () => {
    heartbeat.start();
    const deathsAt: number[] = [];
    for (let i = 1; i <= 3; i++) {
      await pass(1_000 * i - (Date.now() - start));
      receive();
      await pass(400);
      deathsAt.push(deaths);
    }
    expect(deathsAt).toEqual([0, 0, 1]);
  });

  it('counts deadlines without an answer from the last answer', async () => {
    heartbeat.start();
    for (let i = 1; i <= 5; i++) {
      await pass(1_000 * i - (Date.now() - start));
      receive();
      if (i === 2 || i === 4) client.sent.at(-1)?.resolve('PONG');
      await pass(400);
    }
    expect(deaths).toBe(0);
  });

  it('sends no PING while one waits for its deadline', async () => {
    create(100, 250);
    heartbeat.start();
    await pass(349);
    expect(client.commands).toEqual(['ping']);
  });

  it('reads what has arrived before it judges a deadline', async () => {
    heartbeat.start();
    advance(1_400);
    receive();
    await pass(0);
    expect(deaths).toBe(0);
  });

  it('waits for an answer behind messages that are not read yet', async () => {
    heartbeat.start();
    // Full reads: more is waiting in the socket.
    const busy = setInterval(() => receive(FULL_READ), 10);
    for (let i = 0; i < 5; i++) {
      advance(1_400);
      for (let turn = 0; turn < 20; turn++) {
        receive(FULL_READ);
        await new Promise(setImmediate);
      }
    }
    expect(deaths).toBe(0);
    expect(client.commands).toEqual(['ping']);
    clearInterval(busy);
    client.sent[0]?.resolve('PONG');
    await pass(0);
    expect([deaths, confirmed()]).toEqual([0, 1_000]);
  });

  describe('while bursts arrive', () => {
    afterEach(() => {
      clearInterval(traffic);
      traffic = undefined;
    });

    it.each([
      [1_000, 400],
      [150, 150],
      [20, 100],
    ])(
      'with an interval of %i ms replaces the connection after a minute without an answer',
      async (pingInterval, pingTimeout) => {
        startBursts(pingInterval, pingTimeout);
        await pass(59_900);
        expect(deaths).toBe(0);
        await pass(4_000);
        expect(deaths).toBe(1);
      },
    );

    it('replaces the connection after three deadlines that take longer than a minute', async () => {
      startBursts(60_000, 30_000);
      await pass(3 * 60_000);
      expect(deaths).toBe(0);
      await pass(60_000 + 30_000);
      expect(deaths).toBe(1);
    });

    it('waits for longer while the process is busy, and is what the answer waits for', async () => {
      startBursts(150, 150);
      utilization = 0.99;
      await pass(300_000);
      expect(deaths).toBe(0);
      utilization = 0.5;
      await pass(1_500);
      expect(deaths).toBe(1);
    });

    it('counts no deadline of a burst for the traffic that follows it', async () => {
      startBursts(150, 150);
      await pass(10_000);
      clearInterval(traffic);
      await pass(100);
      receive();
      await pass(150);
      expect(deaths).toBe(0);
    });

    it('replaces a connection that falls silent after them', async () => {
      startBursts(150, 150);
      await pass(10_000);
      clearInterval(traffic);
      await pass(400);
      expect(deaths).toBe(1);
    });
  });

  it('does not destroy a new socket for the silence of the last one', async () => {
    heartbeat.start();
    await pass(1_000);
    client.becomeConnected();
    await pass(400);
    expect(client.stream.destroyed).toBe(false);
  });

  it.each([
    [400, 400],
    [1_000, 1_000],
    [9_000, 1_000],
  ])('with a timeout of %i ms gives a handshake %i ms', async (pingTimeout, handshake) => {
    create(100_000, pingTimeout);
    expect(heartbeat.handshakeTimeoutMs).toBe(handshake);
    heartbeat.startHandshake();
    await pass(handshake - 1);
    expect(deaths).toBe(0);
    await pass(1);
    expect(deaths).toBe(1);
  });

  it('keeps a connection that sends its first byte during the handshake', async () => {
    heartbeat.startHandshake();
    await pass(399);
    receive();
    await pass(1);
    expect(deaths).toBe(0);
  });

  it('reports nothing after it was stopped', async () => {
    heartbeat.startHandshake();
    await pass(100);
    heartbeat.stop();
    await pass(10_000);
    expect([deaths, client.commands.length]).toEqual([0, 0]);
  });

  it('reports nothing when it is stopped between a deadline and the check', async () => {
    heartbeat.start();
    advance(1_400);
    heartbeat.stop();
    await pass(0);
    expect(deaths).toBe(0);
  });

  it('starts again from the current time', async () => {
    heartbeat.start();
    await pass(700);
    heartbeat.start();
    expect(confirmed()).toBe(700);
    await pass(999);
    expect(client.commands).toEqual([]);
    await pass(1);
    expect(client.commands).toEqual(['ping']);
  });
});
