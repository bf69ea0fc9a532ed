import type { FullOrQuick, Bench } from '../../harness/bench.js';
import type { Remote } from '../../harness/child.js';
import type { Rounds } from '../../harness/figures.js';
import { Mutex } from '../../harness/mutex.js';
import { cpuOf, type Usage } from '../../harness/usage.js';
import type { Flood } from '../../load/load.js';
import type { CandidateName } from '../../candidates/candidate.js';
import type { ReceiverCommands, ReceiverOptions } from '../../processes/receiver.js';
import { channelGlob, channelName } from '../../workload/channels.js';

type Receiver = Remote<ReceiverCommands>;

/** The settings of a receiver that are the same for all candidates. */
export interface ReceiverSettings extends Omit<ReceiverOptions, 'candidate' | 'port' | 'patterns'> {
  /** Node options of the receiving process. */
  readonly nodeOptions?: readonly string[];
}

/** The candidates that are compared, and the number of rounds. */
export interface Comparison {
  readonly candidates: readonly CandidateName[];
  readonly rounds?: FullOrQuick<number>;
}

/** The usage per message of each flood, for each candidate on its own channel; see {@link receiveOnce}. */
export function measureReceiving(
  bench: Bench,
  { candidates, rounds }: Comparison,
  options: ReceiverSettings,
  floods: readonly Flood[],
): Promise<Rounds<Usage[]>> {
  return bench.runSideBySide(
    candidates,
    (candidate, mutex) => {
      const index = candidates.indexOf(candidate);
      const channel = channelName(index);
      const patterns = [options.isGlob ? channelGlob(index) : channel];
      const ownFloods = floods.map((flood) => ({ ...flood, channel }));
      return receiveOnce(bench, { ...options, candidate, patterns }, ownFloods, mutex);
    },
    rounds,
  );
}

/** The usage per message of each flood in a warmed-up receiver. */
export function receiveOnce(
  bench: Bench,
  { nodeOptions = [], ...options }: ReceiverSettings & Omit<ReceiverOptions, 'port'>,
  floods: readonly Flood[],
  mutex = new Mutex(),
): Promise<Usage[]> {
  const measure = async (receiver: Receiver): Promise<Usage[]> => {
    await mutex.runExclusive(() => receiver.listen({ ...options, port: bench.redis.port }));
    const receive = async (flood: Flood): Promise<Usage> => {
      await receiver.expect(flood.count);
      await bench.load.flood(flood);
      return receiver.completed();
    };
    const usages: Usage[] = [];
    for (const flood of floods) {
      await mutex.runExclusive(() => receive(flood));
      usages.push(await bench.sample(() => receive(flood), cpuOf, mutex));
    }
    return usages;
  };
  return bench.withProcess('receiver', measure, { nodeOptions });
}
