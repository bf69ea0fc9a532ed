import type { Amount, Bench } from '../../harness/bench.js';
import type { Remote } from '../../harness/child.js';
import type { Rounds } from '../../harness/figures.js';
import { Turns } from '../../harness/turns.js';
import { cpuOf, type Usage } from '../../harness/usage.js';
import type { Flood } from '../../load/load.js';
import type { ParticipantName } from '../../participants/participant.js';
import type { ReceiverCommands, ReceiverOptions } from '../../subjects/receiver.js';
import { channelGlob, channelName } from '../../workload/channels.js';

type Receiver = Remote<ReceiverCommands>;

/** How the receiver listens, whoever it is, and to whatever channel. */
export interface ListenOptions extends Omit<ReceiverOptions, 'participant' | 'port' | 'patterns'> {
  /** Of the process that receives. */
  readonly nodeOptions?: readonly string[];
}

/** Who is compared, and how often. */
export interface Comparison {
  readonly participants: readonly ParticipantName[];
  readonly rounds?: Amount<number>;
}

/** What one message of each of the floods takes each participant, on a channel of its own; see {@link receiveOnce}. */
export function measureReceiving(
  bench: Bench,
  { participants, rounds }: Comparison,
  options: ListenOptions,
  floods: readonly Flood[],
): Promise<Rounds<Usage[]>> {
  return bench.alternate(
    participants,
    (participant, turns) => {
      const index = participants.indexOf(participant);
      const channel = channelName(index);
      const patterns = [options.isGlob ? channelGlob(index) : channel];
      const onItsChannel = floods.map((flood) => ({ ...flood, channel }));
      return receiveOnce(bench, { ...options, participant, patterns }, onItsChannel, turns);
    },
    rounds,
  );
}

/** What one message of each of the floods takes the process that receives it, once it is warm. */
export function receiveOnce(
  bench: Bench,
  { nodeOptions = [], ...options }: ListenOptions & Omit<ReceiverOptions, 'port'>,
  floods: readonly Flood[],
  turns = new Turns(),
): Promise<Usage[]> {
  const measure = async (receiver: Receiver): Promise<Usage[]> => {
    await turns.take(() => receiver.listen({ ...options, port: bench.redis.port }));
    const receive = async (flood: Flood): Promise<Usage> => {
      await receiver.expect(flood.count);
      await bench.load.flood(flood);
      return receiver.finished();
    };
    const usages: Usage[] = [];
    for (const flood of floods) {
      await turns.take(() => receive(flood));
      usages.push(await bench.sample(() => receive(flood), cpuOf, turns));
    }
    return usages;
  };
  return bench.withSubject('receiver', measure, { nodeOptions });
}
