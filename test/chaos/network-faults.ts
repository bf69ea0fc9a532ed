import { setImmediate } from 'node:timers/promises';
import { eventually } from '../support/redis.js';
import { makeHalfOpen } from '../support/faults/half-open.js';
import { holdSubscriptions } from '../support/faults/hold-subscriptions.js';
import type { Direction, TcpProxy } from '../support/tcp-proxy.js';
import { applicationConnections, killConnections } from './application-connections.js';
import { pastEveryDeadline } from './durations.js';
import type { Fault, FaultContext } from './fault.js';

/** Faults of the network between the application and its server. */
export function networkFaults(proxy: TcpProxy): Fault[] {
  return [
    halfOpen(proxy, 'the direction of the server', ['toServer']),
    halfOpen(proxy, 'the direction of the client', ['toClient']),
    halfOpen(proxy, 'either direction', ['toServer', 'toClient']),
    {
      name: 'what the client sends is delayed',
      countedFrom: 'its end',
      inject: async () => {
        proxy.hold(/./s);
        return { showsEffect: pastEveryDeadline, stop: async () => proxy.release() };
      },
    },
    {
      name: 'the acknowledgement of subscriptions is delayed',
      countedFrom: 'its end',
      inject: async ({ topology, application }) => {
        holdSubscriptions(proxy);
        await killConnections(await applicationConnections(topology));
        return {
          showsEffect: () =>
            eventually(
              () => proxy.holding > 0 && application.status !== 'connected',
              'the proxy holds a SUBSCRIBE',
            ),
          stop: async () => proxy.release(),
        };
      },
    },
    {
      name: 'cut in the middle of a message',
      countedFrom: 'its end',
      inject: async (context) => {
        await cutMidFrame(context, proxy);
        return {};
      },
    },
  ];
}

function halfOpen(proxy: TcpProxy, name: string, directions: readonly Direction[]): Fault {
  return {
    name: `half-open in ${name}`,
    countedFrom: 'its beginning',
    inject: async ({ topology }) => {
      const connections = await applicationConnections(topology);
      makeHalfOpen(proxy, directions);
      return {
        showsEffect: pastEveryDeadline,
        cleanUp: async () => {
          await killConnections(connections);
          // A connection without a name, because it was new, is not among those.
          proxy.sweep();
        },
      };
    },
  };
}

const LARGE = 4 * 1024 * 1024;
const DELIVERY_TIMEOUT_MS = 1_000;

async function cutMidFrame(
  { publisher, application }: FaultContext,
  proxy: TcpProxy,
): Promise<void> {
  const stream = application.clients.at(-1)?.stream;
  const before = stream?.bytesRead ?? 0;
  // A subscriber that has not recovered from the fault before does not receive the message.
  const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
  const isCut = (): boolean => stream?.destroyed ?? true;
  const hasPart = (): boolean => (stream?.bytesRead ?? 0) > before + LARGE / 16;
  publisher.publish({ pad: 'x'.repeat(LARGE) });
  while (!isCut() && !hasPart() && performance.now() < deadline) await setImmediate();
  proxy.cut();
}
