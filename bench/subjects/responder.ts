// A process that answers requests.
import { serveCommands } from '../harness/serve-commands.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { RequestingName } from '../participants/participant.js';

const commands = {
  async respond(participant: RequestingName, port: number, channel: string): Promise<void> {
    await (await loadParticipant(participant)).respond(port, channel);
  },
};

export type ResponderCommands = typeof commands;

serveCommands(commands);
