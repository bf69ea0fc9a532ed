// A process that measures its own start: `starter.js <candidate> <port>`.
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../candidates/controllers.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { CandidateName } from '../candidates/candidate.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

const [candidate, port] = process.argv.slice(2);
const started = start();

const commands = {
  /** Resolves to the usage from the start of the process to the acknowledgement of its subscription. */
  started: (): Promise<Usage> => started,
};

export type StarterCommands = typeof commands;

serveCommands(commands);

async function start(): Promise<Usage> {
  const { listen } = await loadCandidate(candidate as CandidateName);
  const patterns = [EVERY_CHANNEL];
  const controller = eventController(patterns, () => undefined);
  await listen({ port: Number(port), patterns, isGlob: true, controller });
  const { user, system } = process.cpuUsage();
  return { cpu: user + system, wall: performance.now() * 1_000 };
}
