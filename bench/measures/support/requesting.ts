import { SAMPLES, type Bench } from '../../harness/bench.js';
import type { RequestingName } from '../../participants/participant.js';
import type { RoundTrips } from '../../subjects/requester.js';
import { channelName } from '../../workload/channels.js';

/** How many round trips are measured at once, how many of them are on their way, and how many go before. */
export interface Asking {
  readonly count: number;
  readonly inFlight: number;
  readonly warmUp: number;
}

/** What round trips between two warm processes take, in several samples for each round. */
export function measureRequesting<Name extends RequestingName>(
  bench: Bench,
  participants: readonly Name[],
  { count, inFlight, warmUp }: Asking,
): Promise<ReadonlyMap<Name, readonly RoundTrips[][]>> {
  const { port } = bench.redis;
  return bench.alternate(participants, (participant, turns) =>
    bench.withSubject('responder', (responder) =>
      bench.withSubject('requester', async (requester) => {
        const channel = channelName(participants.indexOf(participant));
        await turns.take(async () => {
          await responder.respond(participant, port, channel);
          await requester.connect(participant, port, channel);
          await requester.ask(warmUp, inFlight);
        });
        return turns.repeat(bench.pick(SAMPLES), () => requester.ask(count, inFlight));
      }),
    ),
  );
}
