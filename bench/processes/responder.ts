// A process that replies to requests.
import { serveCommands } from '../harness/serve-commands.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { RequestingName } from '../candidates/candidate.js';

const commands = {
  async respond(candidate: RequestingName, port: number, channel: string): Promise<void> {
    await (await loadCandidate(candidate)).respond(port, channel);
  },
};

export type ResponderCommands = typeof commands;

serveCommands(commands);
