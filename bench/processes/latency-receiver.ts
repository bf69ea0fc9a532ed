// A process whose handler records the latency of each message.
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { eventController } from '../candidates/controllers.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { CandidateName } from '../candidates/candidate.js';

const arrivals = new ArrivalCounter();
const latencies = new Latencies();

const commands = {
  async listen(candidate: CandidateName, port: number, pattern: string): Promise<void> {
    const patterns = [pattern];
    const controller = eventController(patterns, (data) => {
      latencies.record(sharedClock() - (data as { sentAt: number }).sentAt);
      arrivals.increment();
    });
    const { listen } = await loadCandidate(candidate);
    await listen({ port, patterns, isGlob: true, controller });
  },

  expect(count: number): void {
    latencies.reset();
    arrivals.expect(count);
  },

  /** Resolves to the latencies from PUBLISH to the handler when all expected messages have arrived. */
  async completed(): Promise<LatencySummary> {
    await arrivals.completed();
    return latencies.summary();
  },
};

export type LatencyReceiverCommands = typeof commands;

serveCommands(commands);
