// A process that asks, and waits for the answers.
import { runInFlight } from '../harness/in-flight.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, perMessage, type Usage } from '../harness/usage.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { Ask, RequestingName } from '../participants/participant.js';
import { dataOf, SMALL } from '../workload/payloads.js';

/** What round trips took. */
export interface RoundTrips {
  /** Of one of them. */
  readonly usage: Usage;
  readonly latency: LatencySummary;
}

let ask: Ask;

const commands = {
  async connect(participant: RequestingName, port: number, channel: string): Promise<void> {
    const { connectRequester } = await loadParticipant(participant);
    ask = await connectRequester(port, channel, dataOf(SMALL));
  },

  async ask(count: number, inFlight: number): Promise<RoundTrips> {
    const latencies = new Latencies();
    const used = meter();
    await runInFlight(count, inFlight, async () => {
      const start = sharedClock();
      await ask();
      latencies.record(sharedClock() - start);
    });
    return { usage: perMessage(used(), count), latency: latencies.summary() };
  },
};

export type RequesterCommands = typeof commands;

serveCommands(commands);
