// A process that handles events.
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../candidates/controllers.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { CandidateName } from '../candidates/candidate.js';
import { validatedController } from '../candidates/validated-controller.js';

export interface ReceiverOptions {
  readonly candidate: CandidateName;
  readonly port: number;
  readonly patterns: readonly string[];
  readonly isGlob: boolean;
  /** Whether a `ValidationPipe` validates the data. */
  readonly isValidated?: boolean;
}

const arrivals = new ArrivalCounter();

const commands = {
  async listen({ candidate, isValidated = false, ...options }: ReceiverOptions): Promise<void> {
    const createController = isValidated ? validatedController : eventController;
    const controller = createController(options.patterns, () => arrivals.increment());
    await (await loadCandidate(candidate)).listen({ ...options, controller });
  },

  expect(count: number): void {
    arrivals.expect(count);
  },

  /** Resolves to the usage per message when all expected messages have arrived. */
  completed(): Promise<Usage> {
    return arrivals.completed();
  },
};

export type ReceiverCommands = typeof commands;

serveCommands(commands);
