import type { Amount, Bench } from '../../harness/bench.js';
import type { Rounds } from '../../harness/figures.js';
import { cpuOf, type Usage } from '../../harness/usage.js';
import type { Flood } from '../../load/load.js';
import type { ParticipantName } from '../../participants/participant.js';
import type { ReceiverOptions } from '../../subjects/receiver.js';

/** How the receiver listens, whoever it is. */
export type ListenOptions = Omit<ReceiverOptions, 'participant' | 'port'>;

/** Who is compared, and how often. */
export interface Comparison {
  readonly participants: readonly ParticipantName[];
  readonly rounds?: Amount<number>;
}

/** What one message of each of the floods takes each participant; see {@link receiveOnce}. */
export function measureReceiving(
  bench: Bench,
  { participants, rounds }: Comparison,
  options: ListenOptions,
  floods: readonly Flood[],
): Promise<Rounds<Usage[]>> {
  return bench.interleave(
    participants,
    (participant) => receiveOnce(bench, { ...options, participant }, floods),
    rounds,
  );
}

/** What one message of each of the floods takes the process that receives it, once it is warm. */
export function receiveOnce(
  bench: Bench,
  options: Omit<ReceiverOptions, 'port'>,
  floods: readonly Flood[],
): Promise<Usage[]> {
  return bench.withSubject('receiver', async (receiver) => {
    await receiver.listen({ ...options, port: bench.redis.port });
    const receive = async (flood: Flood): Promise<Usage> => {
      await receiver.expect(flood.count);
      await bench.load.flood(flood);
      return receiver.finished();
    };
    const usages: Usage[] = [];
    for (const flood of floods) {
      await receive(flood);
      usages.push(await bench.sample(() => receive(flood), cpuOf));
    }
    return usages;
  });
}
