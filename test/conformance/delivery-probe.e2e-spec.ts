import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { whenSubscribed, type BrokerStatus } from '../../src/broker/broker.js';
import { closeAfterTest } from '../support/app.js';
import { callsOf, eventually, plain, useRedis } from '../support/redis.js';
import { startProxy } from '../support/tcp-proxy.js';
import { CollectedLog, Collector, becomes, unique } from './collector.js';
import { createTestBroker } from './test-broker.js';

/** The address moves to another server, while open connections stay at the old one. */
describe('a subscriber that is connected and answers PING, but receives nothing', () => {
  const old = useRedis();
  const current = useRedis();

  async function open(interval: number) {
    const proxy = await startProxy(old.port);
    const log = new CollectedLog();
    const probe = unique('_pubsub.probe');
    const broker = createTestBroker(proxy.url, {
      pingInterval: 20,
      pingTimeout: 5_000,
      probePrefix: probe,
      probeInterval: interval,
      publishBuffer: { maxMessages: 100, maxAge: 5_000 },
      log,
    });
    const statuses: BrokerStatus[] = [];
    broker.onStatus((status) => statuses.push(status));
    await broker.connect(0);
    return { broker, proxy, log, probe, statuses };
  }

  /** The publisher reconnects, and the connection leads to the other server. */
  async function moveAddress({ broker, proxy }: Awaited<ReturnType<typeof open>>) {
    const [publisher] = broker.clients() as [Redis, Redis];
    const lost = becomes(broker, 'reconnecting');
    proxy.retarget(current.port);
    publisher.stream.destroy();
    await lost;
    await eventually(() => publisher.status === 'ready');
  }

  it('is found, reported as starving, and replaced', async () => {
    const opened = await open(50);
    const { broker, log, statuses } = opened;
    const name = unique('moved');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    // A probe of before the move can arrive after it.
    let confirmedAt = Date.now();
    const [, subscriber] = broker.clients() as [Redis, Redis];
    subscriber.on('message', () => (confirmedAt = Date.now()));
    await moveAddress(opened);
    await eventually(() => statuses.includes('starving') && statuses.at(-1) === 'connected');
    expect(await broker.publish(name, 'x')).toBe(1);
    await collector.receives(1);
    expect(log.lines).toContainEqual(
      expect.stringMatching(
        /^warn: Lost the subscriber connection .*no message since .*Redis accepts them/,
      ),
    );
    const [gap] = collector.gaps;
    expect(collector.gaps).toHaveLength(1);
    expect(gap?.from.getTime()).toBeLessThanOrEqual(confirmedAt);
  });

  it('counter-proof: without the delivery probe it never receives a message again', async () => {
    const opened = await open(0);
    const { broker, statuses } = opened;
    const name = unique('unprobed');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    await moveAddress(opened);
    await eventually(() => statuses.at(-1) === 'connected');
    expect(await broker.publish(name, 'x')).toBe(0);
    const answered = await callsOf(old.client, 'ping');
    await eventually(async () => (await callsOf(old.client, 'ping')) > answered + 5);
    expect(broker.status).toBe('connected');
    expect(collector.texts).toEqual([]);
  });

  it('is replaced together with its publisher when the publisher is at the old server', async () => {
    const opened = await open(50);
    const { broker, proxy, statuses } = opened;
    const name = unique('left');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    const [, subscriber] = broker.clients() as [Redis, Redis];
    proxy.retarget(current.port);
    subscriber.stream.destroy();
    await eventually(() => statuses.includes('starving') && statuses.at(-1) === 'connected');
    expect(await current.client.publish(name, 'x')).toBe(1);
    expect(await broker.publish(name, 'y')).toBe(1);
    await collector.receives(2);
  });

  it('is replaced together with its publisher while subscriptions are made and ended all the time', async () => {
    const opened = await open(50);
    const { broker, proxy, statuses } = opened;
    const name = unique('churn');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    const [, subscriber] = broker.clients() as [Redis, Redis];
    proxy.retarget(current.port);
    subscriber.stream.destroy();
    const churn = setInterval(() => {
      const passing = new Collector();
      const channel = unique('passing');
      whenSubscribed(broker, { kind: 'channel', name: channel }, passing).catch(() => undefined);
      setImmediate(() => broker.unsubscribe({ kind: 'channel', name: channel }, passing));
    }, 10);
    closeAfterTest(async () => clearInterval(churn));
    await eventually(() => statuses.includes('starving') && statuses.at(-1) === 'connected');
    expect(await broker.publish(name, 'x')).toBe(1);
    await collector.receives(1);
  });

  it('reports a gap since the last confirmed message, even if its connection is lost before it is replaced', async () => {
    const opened = await open(400);
    const { broker } = opened;
    const name = unique('unconfirmed');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    await broker.publish(name, 'confirmed');
    await collector.receives(1);
    const receivedAt = Date.now();
    await moveAddress(opened);
    // Redis accepted a probe that did not arrive: from now on the subscriber is not confirmed.
    const before = await callsOf(current.client, 'publish');
    await eventually(async () => (await callsOf(current.client, 'publish')) > before);
    const [publisher, subscriber] = broker.clients() as [Redis, Redis];
    await publisher.ping();
    subscriber.stream.destroy();
    await eventually(() => collector.gaps.length === 1);
    expect(collector.gaps[0]?.from.getTime()).toBeLessThanOrEqual(receivedAt);
  });

  it('stays connected when the ACL no longer allows the probe', async () => {
    const user = ['on', 'nopass', '~*', '+@all', 'resetchannels', '&*'];
    await old.client.call('ACL', 'SETUSER', 'probed', ...user);
    const probe = unique('_pubsub.probe');
    const broker = createTestBroker(
      { ...plain(old.port), username: 'probed', password: 'x' },
      { probePrefix: probe, probeInterval: 20 },
    );
    await broker.connect(0);
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name: 'allowed.a' }, collector);
    await old.subscribers(probe, 1);
    const lost = becomes(broker, 'reconnecting');
    await old.client.call('ACL', 'SETUSER', 'probed', 'resetchannels', '&allowed.*');
    await lost;
    await becomes(broker, 'connected');
    expect(await old.client.publish('allowed.a', 'x')).toBe(1);
    await collector.receives(1);
  });

  /** Publishes at the server of the subscriber from now on: messages that it goes on to receive. */
  function publishSteadily(name: string): void {
    const traffic = setInterval(() => void old.client.publish(name, 'x'), 2);
    closeAfterTest(async () => clearInterval(traffic));
  }

  it('is found, and replaced, while other messages arrive all the time', async () => {
    const opened = await open(500);
    const { broker, statuses } = opened;
    const name = unique('talked-to');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    publishSteadily(name);
    await moveAddress(opened);
    const before = collector.texts.length;
    await eventually(() => collector.texts.length > before);
    await becomes(broker, 'starving');
    await eventually(() => statuses.at(-1) === 'connected');
    expect(await broker.publish(name, 'y')).toBe(1);
    await eventually(() => collector.texts.includes('y'));
  });

  it('counter-proof: without the delivery probe it receives those messages, and never one of its own server', async () => {
    const opened = await open(0);
    const { broker, statuses } = opened;
    const name = unique('talked-to-unprobed');
    const collector = new Collector();
    await whenSubscribed(broker, { kind: 'channel', name }, collector);
    publishSteadily(name);
    await moveAddress(opened);
    await eventually(() => statuses.at(-1) === 'connected');
    expect(await broker.publish(name, 'y')).toBe(0);
    const before = collector.texts.length;
    await eventually(() => collector.texts.length > before + 100);
    expect(broker.status).toBe('connected');
    expect(collector.texts).not.toContain('y');
  });

  it.each([
    ['no message arrives', () => undefined],
    ['other messages arrive', publishSteadily],
  ])('is probed again and again while %s, and stays connected', async (_, startTraffic) => {
    const { broker, probe, statuses } = await open(50);
    const name = unique('probed');
    await whenSubscribed(broker, { kind: 'channel', name }, new Collector());
    startTraffic(name);
    const probes: string[] = [];
    const observer = old.client.duplicate();
    closeAfterTest(async () => observer.disconnect());
    observer.on('message', (channel) => probes.push(channel));
    await observer.subscribe(probe);
    await eventually(() => probes.length >= 5);
    expect(statuses).toEqual(['connecting', 'connected']);
  });

  it('is not replaced when Redis does not accept the probe', async () => {
    const opened = await open(20);
    const { broker, proxy, statuses } = opened;
    await whenSubscribed(broker, { kind: 'channel', name: unique('shut') }, new Collector());
    await proxy.stop();
    await eventually(() => statuses.at(-1) === 'reconnecting');
    expect(statuses).not.toContain('starving');
  });

  it('is not probed without subscriptions', async () => {
    const { probe } = await open(10);
    const { broker } = await open(10);
    await whenSubscribed(broker, { kind: 'channel', name: unique('other') }, new Collector());
    // The other subscriber is probed several times in this period.
    const before = await callsOf(old.client, 'publish');
    await eventually(async () => (await callsOf(old.client, 'publish')) > before + 5);
    expect(await old.client.pubsub('NUMSUB', probe)).toEqual([probe, 0]);
  });
});
