import type { Bench } from '../../harness/bench.js';
import type { Rounds } from '../../harness/figures.js';
import type { ParticipantName } from '../../participants/participant.js';
import type { RoundTrips } from '../../subjects/requester.js';
import { channelName } from '../../workload/channels.js';

const CHANNEL = channelName(0);

/** What round trips take, so many of them at a time, between two warm processes. */
export function measureRequesting(
  bench: Bench,
  participants: readonly ParticipantName[],
  count: number,
  inFlight: number,
): Promise<Rounds<RoundTrips>> {
  const { port } = bench.redis;
  return bench.interleave(participants, (participant) =>
    bench.withSubject('responder', async (responder) => {
      await responder.respond(participant, port, CHANNEL);
      return bench.withSubject('requester', async (requester) => {
        await requester.connect(participant, port, CHANNEL);
        await requester.ask(Math.ceil(count / 5), inFlight);
        return requester.ask(count, inFlight);
      });
    }),
  );
}
