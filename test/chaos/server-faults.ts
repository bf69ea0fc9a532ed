import { overflowOutputBuffer } from '../support/faults/overflow-output-buffer.js';
import type { StandaloneTopology } from '../support/faults/standalone-topology.js';
import { noticed, pastEveryDeadline, refused } from './durations.js';
import type { Fault } from './fault.js';

/** Faults of the server itself. */
export function serverFaults(redis: StandaloneTopology): Fault[] {
  return [
    {
      name: 'SIGKILL and restart',
      countedFrom: 'its end',
      inject: async (context) => {
        await redis.kill();
        return { showsEffect: () => noticed(context), stop: () => redis.restart() };
      },
    },
    {
      name: 'SIGSTOP for longer than every deadline, then SIGCONT',
      countedFrom: 'its end',
      inject: async () => {
        redis.hang();
        return { showsEffect: pastEveryDeadline, stop: async () => redis.resume() };
      },
    },
    {
      name: 'output buffer limit reached',
      countedFrom: 'its end',
      inject: async ({ channels, plain }) => {
        // Valkey 9 disconnects only a client that does not read.
        redis.proxy.pause();
        await overflowOutputBuffer(redis.control, plain.client, channels.plain.slice(0, 1));
        redis.proxy.resume();
        return {};
      },
    },
    {
      name: 'ACL tightened, then loosened',
      countedFrom: 'its end',
      inject: async (context) => {
        await redis.denyChannels();
        return { showsEffect: refused(context), stop: () => redis.allowChannels() };
      },
    },
  ];
}
