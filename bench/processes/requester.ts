// A process that sends requests and waits for the replies.
import { runInFlight } from '../harness/in-flight.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, perMessage, type Usage } from '../harness/usage.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { SendRequest, RequestingName } from '../candidates/candidate.js';
import { dataOf, SMALL } from '../workload/payloads.js';

/** The cost and the latencies of round trips. */
export interface RoundTrips {
  /** Per round trip. */
  readonly usage: Usage;
  readonly latency: LatencySummary;
}

let sendRequest: SendRequest;

const commands = {
  async connect(candidate: RequestingName, port: number, channel: string): Promise<void> {
    const { connectRequester } = await loadCandidate(candidate);
    sendRequest = await connectRequester(port, channel, dataOf(SMALL));
  },

  async request(count: number, inFlight: number): Promise<RoundTrips> {
    const latencies = new Latencies();
    const used = meter();
    await runInFlight(count, inFlight, async () => {
      const start = sharedClock();
      await sendRequest();
      latencies.record(sharedClock() - start);
    });
    return { usage: perMessage(used(), count), latency: latencies.summary() };
  },
};

export type RequesterCommands = typeof commands;

serveCommands(commands);
