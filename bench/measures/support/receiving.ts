import type { Bench } from '../../harness/bench.js';
import type { Rounds } from '../../harness/figures.js';
import type { Usage } from '../../harness/usage.js';
import type { ParticipantName } from '../../participants/participant.js';
import type { ReceiverOptions } from '../../subjects/receiver.js';

/** How many messages, of what size. */
export interface Sending {
  readonly bytes: number;
  readonly count: number;
}

/** How the receiver listens, whoever it is. */
export type ListenOptions = Omit<ReceiverOptions, 'participant' | 'port'>;

/** What one message of each of the sendings takes the process that receives it, once it is warm. */
export function measureReceiving(
  bench: Bench,
  participants: readonly ParticipantName[],
  listenOptions: ListenOptions,
  sendings: readonly Sending[],
): Promise<Rounds<Usage[]>> {
  return bench.interleave(participants, (participant) =>
    bench.withSubject('receiver', async (receiver) => {
      await receiver.listen({ ...listenOptions, participant, port: bench.redis.port });
      const usages: Usage[] = [];
      for (const sending of sendings) {
        const warmUp = { ...sending, count: Math.ceil(sending.count / 10) };
        for (const flood of [warmUp, sending]) {
          await receiver.expect(flood.count);
          await bench.load.flood(flood);
          const usage = await receiver.finished();
          if (flood === sending) usages.push(usage);
        }
      }
      return usages;
    }),
  );
}
