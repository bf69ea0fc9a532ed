import { setImmediate } from 'node:timers/promises';
import { pastEveryDeadline } from './durations.js';
import type { Direction, TcpProxy } from '../support/tcp-proxy.js';
import type { Scene } from './scene.js';
import { killConnections, subjectConnections, type Fault } from './topology.js';
import { until } from './until.js';

/** What can go wrong on the way between the application and its server. */
export function networkFaults(proxy: TcpProxy): Fault[] {
  return [
    halfOpen(proxy, 'the direction of the server', ['toServer']),
    halfOpen(proxy, 'the direction of the client', ['toClient']),
    halfOpen(proxy, 'either direction', ['toServer', 'toClient']),
    {
      name: 'what the client sends is delayed',
      countedFrom: 'its end',
      strike: async () => {
        proxy.hold(/./s);
        return { lasts: pastEveryDeadline, end: async () => proxy.release() };
      },
    },
    {
      name: 'the acknowledgement of subscriptions is delayed',
      countedFrom: 'its end',
      strike: async ({ topology, subject }) => {
        proxy.hold(/subscribe/i);
        await killConnections(await subjectConnections(topology));
        return {
          lasts: () =>
            until(
              'SUBSCRIBE is on hold',
              () => proxy.holding > 0 && subject.status !== 'connected',
            ),
          end: async () => proxy.release(),
        };
      },
    },
    {
      name: 'cut in the middle of a message',
      countedFrom: 'its end',
      strike: async (scene) => {
        await cutMidFrame(scene, proxy);
        return {};
      },
    },
  ];
}

function halfOpen(proxy: TcpProxy, name: string, directions: readonly Direction[]): Fault {
  return {
    name: `half-open in ${name}`,
    countedFrom: 'its beginning',
    strike: async ({ topology }) => {
      const stale = await subjectConnections(topology);
      proxy.swallow(directions);
      // New connections are whole again: what is measured is how long the old ones are believed in.
      proxy.forward();
      return {
        lasts: pastEveryDeadline,
        cleanUp: async () => {
          await killConnections(stale);
          // One that was just being made then had no name yet.
          proxy.sweep();
        },
      };
    },
  };
}

const LARGE = 4 * 1024 * 1024;

async function cutMidFrame({ publisher, subject }: Scene, proxy: TcpProxy): Promise<void> {
  const stream = subject.clients.at(-1)?.stream;
  const before = stream?.bytesRead ?? 0;
  // A subscriber that is not back from the fault before will not get it.
  const deadline = performance.now() + 1_000;
  const isCut = (): boolean => stream?.destroyed ?? true;
  const hasPart = (): boolean => (stream?.bytesRead ?? 0) > before + LARGE / 16;
  publisher.publish({ pad: 'x'.repeat(LARGE) });
  while (!isCut() && !hasPart() && performance.now() < deadline) await setImmediate();
  proxy.cut();
}
