import { SAMPLES, type Bench } from '../../harness/bench.js';
import type { Rounds } from '../../harness/figures.js';
import type { ParticipantName } from '../../participants/participant.js';
import type { RoundTrips } from '../../subjects/requester.js';
import { channelName } from '../../workload/channels.js';

const CHANNEL = channelName(0);

/** How many round trips are measured at once, how many of them are on their way, and how many go before. */
export interface Asking {
  readonly count: number;
  readonly inFlight: number;
  readonly warmUp: number;
}

/** What round trips between two warm processes take, in several samples for each round. */
export function measureRequesting(
  bench: Bench,
  participants: readonly ParticipantName[],
  { count, inFlight, warmUp }: Asking,
): Promise<Rounds<RoundTrips[]>> {
  const { port } = bench.redis;
  return bench.interleave(participants, (participant) =>
    bench.withSubject('responder', async (responder) => {
      await responder.respond(participant, port, CHANNEL);
      return bench.withSubject('requester', async (requester) => {
        await requester.connect(participant, port, CHANNEL);
        await requester.ask(warmUp, inFlight);
        return bench.repeat(SAMPLES, () => requester.ask(count, inFlight));
      });
    }),
  );
}
