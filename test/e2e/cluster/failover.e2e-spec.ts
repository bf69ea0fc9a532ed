import { afterEach, describe, expect, it } from 'vitest';
import { useCluster } from '../../support/cluster.js';
import { eventually } from '../../support/redis.js';
import type { ServerProcess } from '../../support/sentinel.js';
import { at, startClusterApp, type ClusterApp } from './cluster-app.js';
import { NumberedFlow } from './numbered-flow.js';

const CHANNELS = Array.from({ length: 20 }, (_, i) => `flow.${i}`);
const RATE = 200;

/**
 * Kills the master that an application publishes to. Resolves to the count of messages when the publisher
 * connection is lost. Does not wait for the status: it changes early when the subscriber connection is lost first.
 */
async function killMaster(
  flow: NumberedFlow,
  publisher: ClusterApp,
  master: ServerProcess,
): Promise<number> {
  const lost = publisher.publisherIsLost();
  flow.mark(`kills ${master.port}`);
  await master.kill();
  await lost;
  flow.mark('the connection of the publisher is lost');
  return flow.count;
}

describe('a failover', () => {
  const cluster = useCluster();
  afterEach(() => cluster().recover());

  it('by CLUSTER FAILOVER of each master in turn: each message arrives once and in order', async () => {
    const [first, second] = await cluster().masters();
    const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
    const publisher = await startClusterApp({ connection: at(first!), publishBuffer });
    const listener = await startClusterApp({ connection: at(second!) });
    const flow = new NumberedFlow(publisher.service, CHANNELS);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();

    for (const master of await cluster().masters()) {
      await cluster().failOver(master);
      await publisher.becomes('connected');
      await flow.reachesEachChannel();
    }
    await flow.stop();
    await flow.allArrive();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    expect(flow.unexpected).toEqual([]);
    // Only messages that were sent when the connection was lost; the others waited in the buffer.
    expect(flow.failures.length).toBeLessThan(flow.count / 4);
  });

  it('by SIGKILL of a master: the buffered messages arrive once and in order', async () => {
    const [master, other] = await cluster().masters();
    const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
    const publisher = await startClusterApp({ connection: at(master!), publishBuffer });
    const listener = await startClusterApp({ connection: at(other!) });
    const flow = new NumberedFlow(publisher.service, CHANNELS);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();

    const waiting = await killMaster(flow, publisher, master!);
    await publisher.becomes('connected');
    flow.mark(
      `publishes to ${publisher.publisherPorts().join()}, listens to ${listener.subscriberPort()}`,
    );
    await flow.reachesEachChannel();
    await flow.stop();
    const linked = flow.countAt(await cluster().newestLinkTo(other!));
    flow.mark(`the nodes are linked to the listener's since message ${linked}`);
    await flow.allArrive(Math.max(waiting, linked));
    expect(publisher.publisherPorts()).not.toContain(master!.port);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    expect(flow.unexpected).toEqual([]);
    // The master may have published messages that it did not confirm; later messages waited in the buffer.
    expect(flow.failures.filter(({ message }) => message.number >= waiting)).toEqual([]);
  });

  it('by SIGKILL of a master that restarts before a replica is promoted: no message arrives twice', async () => {
    const [master, other] = await cluster().masters();
    const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
    const publisher = await startClusterApp({ connection: at(master!), publishBuffer });
    const listener = await startClusterApp({ connection: at(other!) });
    const flow = new NumberedFlow(publisher.service, CHANNELS);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();

    const waiting = await killMaster(flow, publisher, master!);
    flow.publish(CHANNELS.length);
    await master!.start();
    await publisher.becomes('connected');
    await cluster().settled();
    await flow.reachesEachChannel();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
    expect(flow.failures.filter(({ message }) => message.number >= waiting)).toEqual([]);
  });

  it('while the old master hangs and resumes as a replica: no message arrives twice', async () => {
    const [master, other] = await cluster().masters();
    const publishBuffer = { maxMessages: 10_000, maxAge: 20_000 };
    const heartbeat = { pingInterval: 200, pingTimeout: 1_000 };
    const publisher = await startClusterApp({
      connection: at(master!),
      publishBuffer,
      ...heartbeat,
    });
    const listener = await startClusterApp({ connection: at(other!) });
    const flow = new NumberedFlow(publisher.service, CHANNELS);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();

    master!.hang();
    const hanging = flow.count;
    await eventually(() => !publisher.publisherPorts().includes(master!.port));
    await eventually(async () => !(await cluster().masters()).includes(master!));
    await publisher.becomes('connected');
    master!.resume();
    await cluster().settled();
    await flow.reachesEachChannel();
    await flow.stop();
    expect(flow.twice).toEqual([]);
    // The old master delivers late the messages that it confirmed just before it hung, and those that it
    // had not read. The publisher rejected the latter.
    const late = flow.disordered.filter(({ number }) => number >= hanging);
    expect(late.filter((message) => !flow.hasFailed(message))).toEqual([]);
    expect(flow.unexpected).toEqual([]);
  });

  it('by a move of a slot: its channels keep their order', async () => {
    const [from, to, listening] = await cluster().masters();
    const channel = await cluster().channelOf(from!, 'slot');
    const connection = { ...at(listening!), options: { slotsRefreshInterval: 100 } };
    const publisher = await startClusterApp({ connection });
    const listener = await startClusterApp({ connection: at(listening!) });
    const flow = new NumberedFlow(publisher.service, [channel]);
    await flow.listen(listener.service);
    flow.start(RATE);
    await flow.reachesEachChannel();
    for (const owner of [to!, from!, to!, from!, to!, from!]) {
      await cluster().moveSlot(channel, owner);
      await flow.reachesEachChannel();
    }
    await flow.reachesEachChannel();
    await flow.stop();
    await flow.allArrive();
    expect(flow.failures).toEqual([]);
    expect(flow.twice).toEqual([]);
    expect(flow.disordered).toEqual([]);
  });
});
