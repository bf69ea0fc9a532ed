import { SAMPLES, type Bench } from '../../harness/bench.js';
import type { RequestingName } from '../../candidates/candidate.js';
import type { RoundTrips } from '../../processes/requester.js';
import { channelName } from '../../workload/channels.js';

/** Numbers of round trips: in a sample (`count`), at the same time, and before the first sample. */
export interface RequestRun {
  readonly count: number;
  readonly inFlight: number;
  readonly warmUp: number;
}

/** Measures round trips between two warmed-up processes, in several samples per round. */
export function measureRequesting<Name extends RequestingName>(
  bench: Bench,
  candidates: readonly Name[],
  { count, inFlight, warmUp }: RequestRun,
): Promise<ReadonlyMap<Name, readonly RoundTrips[][]>> {
  const { port } = bench.redis;
  return bench.runSideBySide(candidates, (candidate, mutex) =>
    bench.withProcess('responder', (responder) =>
      bench.withProcess('requester', async (requester) => {
        const channel = channelName(candidates.indexOf(candidate));
        await mutex.runExclusive(async () => {
          await responder.respond(candidate, port, channel);
          await requester.connect(candidate, port, channel);
          await requester.request(warmUp, inFlight);
        });
        return mutex.repeat(bench.pick(SAMPLES), () => requester.request(count, inFlight));
      }),
    ),
  );
}
