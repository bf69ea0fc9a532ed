// A process whose handler notes how old each message is.
import { Arrivals } from '../harness/arrivals.js';
import { Latencies, sharedClock, type LatencySummary } from '../harness/latencies.js';
import { serveCommands } from '../harness/serve-commands.js';
import { eventController } from '../participants/controllers.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { ParticipantName } from '../participants/participant.js';

const arrivals = new Arrivals();
const latencies = new Latencies();

const commands = {
  async listen(participant: ParticipantName, port: number, pattern: string): Promise<void> {
    const patterns = [pattern];
    const controller = eventController(patterns, (data) => {
      latencies.record(sharedClock() - (data as { sentAt: number }).sentAt);
      arrivals.note();
    });
    const { listen } = await loadParticipant(participant);
    await listen({ port, patterns, isGlob: true, controller });
  },

  expect(count: number): void {
    latencies.reset();
    arrivals.expect(count);
  },

  /** From the publisher to the handler, when all that were expected have arrived. */
  async finished(): Promise<LatencySummary> {
    await arrivals.finished();
    return latencies.summary();
  },
};

export type LatencyReceiverCommands = typeof commands;

serveCommands(commands);
