import type { Cluster, Redis } from 'ioredis';
import { noticed, pastEveryDeadline, refused } from './durations.js';
import type { Lane } from './ledger.js';
import type { Standalone } from './standalone.js';
import type { Fault } from './topology.js';

/** What can go wrong with a server itself. */
export function serverFaults(redis: Standalone): Fault[] {
  return [
    {
      name: 'SIGKILL and restart',
      countedFrom: 'its end',
      strike: async (scene) => {
        process.kill(redis.server.pid, 'SIGKILL');
        await redis.server.stop();
        return {
          lasts: () => noticed(scene),
          end: async () => {
            await redis.server.start();
            await redis.control.ping();
          },
        };
      },
    },
    {
      name: 'SIGSTOP for longer than every deadline, then SIGCONT',
      countedFrom: 'its end',
      strike: async () => {
        process.kill(redis.server.pid, 'SIGSTOP');
        return {
          lasts: pastEveryDeadline,
          end: async () => process.kill(redis.server.pid, 'SIGCONT'),
        };
      },
    },
    outputBuffer(redis),
    {
      name: 'ACL tightened, then loosened',
      countedFrom: 'its end',
      strike: async (scene) => {
        await redis.control.call('ACL', 'SETUSER', 'app', 'resetchannels', '&other.*');
        return {
          lasts: refused(scene),
          end: () => redis.control.call('ACL', 'SETUSER', 'app', 'allchannels'),
        };
      },
    },
  ];
}

const FLOOD = `for i = 0, ARGV[2] - 1 do
  local message = string.format('{"number":%d,"pad":"%s"}', ARGV[1] + i, ARGV[3])
  redis.call('PUBLISH', ARGV[4], message)
end`;

/** More at once than a subscriber is allowed to be behind: Redis cuts it off without a word. */
function outputBuffer(redis: Standalone): Fault {
  return {
    name: 'output buffer limit reached',
    countedFrom: 'its end',
    strike: async ({ lanes, plain }) => {
      const [lane] = lanes.plain;
      if (!lane) throw new Error('There is no lane to flood');
      await flood(redis, plain.client, [lane]);
      return {};
    },
  };
}

/** Publishes more than an output buffer may hold on each of these lanes; resolves when Redis has. */
export async function flood(
  redis: Standalone,
  plain: Redis | Cluster,
  lanes: readonly Lane[],
): Promise<void> {
  const limit = (value: string) =>
    redis.control.config('SET', 'client-output-buffer-limit', `pubsub ${value}`);
  await limit('1mb 1mb 0');
  const floods = lanes.map(async (lane) => {
    const [count, first] = [64, lane.next];
    const pad = 'x'.repeat(64 * 1024);
    // One script: while it runs, Redis sends nothing to anybody.
    const script = plain.eval(FLOOD, 0, first, count, pad, lane.channel);
    for (let i = 0; i < count; i++) lane.note(() => script);
    await script.catch(() => undefined);
  });
  await Promise.all(floods);
  await limit('32mb 8mb 60');
}
