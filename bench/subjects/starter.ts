// A process that starts, and notes how long that took: `starter.js <participant> <port>`.
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../participants/controllers.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { ParticipantName } from '../participants/participant.js';
import { EVERY_CHANNEL } from '../workload/channels.js';

const [participant, port] = process.argv.slice(2);
const started = start();

const commands = {
  /** What it took from the start of the process to the acknowledgement of its handler. */
  started: (): Promise<Usage> => started,
};

export type StarterCommands = typeof commands;

serveCommands(commands);

async function start(): Promise<Usage> {
  const { listen } = await loadParticipant(participant as ParticipantName);
  const patterns = [EVERY_CHANNEL];
  const controller = eventController(patterns, () => undefined);
  await listen({ port: Number(port), patterns, isGlob: true, controller });
  const { user, system } = process.cpuUsage();
  return { cpu: user + system, wall: performance.now() * 1_000 };
}
