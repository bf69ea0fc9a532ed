// A process that handles events.
import { Arrivals } from '../harness/arrivals.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../participants/controllers.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { ParticipantName } from '../participants/participant.js';
import { validatedController } from '../participants/validated-controller.js';

export interface ReceiverOptions {
  readonly participant: ParticipantName;
  readonly port: number;
  readonly patterns: readonly string[];
  readonly isGlob: boolean;
  /** Whether the data goes through a `ValidationPipe` first. */
  readonly isValidated?: boolean;
}

const arrivals = new Arrivals();

const commands = {
  async listen({ participant, isValidated = false, ...options }: ReceiverOptions): Promise<void> {
    const createController = isValidated ? validatedController : eventController;
    const controller = createController(options.patterns, () => arrivals.note());
    await (await loadParticipant(participant)).listen({ ...options, controller });
  },

  expect(count: number): void {
    arrivals.expect(count);
  },

  /** What one message took, when all that were expected have arrived. */
  finished(): Promise<Usage> {
    return arrivals.finished();
  },
};

export type ReceiverCommands = typeof commands;

serveCommands(commands);
