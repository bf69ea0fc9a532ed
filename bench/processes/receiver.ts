// A process that handles events.
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { Usage } from '../harness/usage.js';
import { eventController } from '../candidates/controllers.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { CandidateName } from '../candidates/candidate.js';
import { validatedController } from '../candidates/validated-controller.js';

/** The options of a bounded handler. */
export interface HandlerLimits {
  readonly concurrency?: number;
  readonly order?: 'channel';
  readonly maxQueue: number;
}

export interface ReceiverOptions {
  readonly candidate: CandidateName;
  readonly port: number;
  readonly patterns: readonly string[];
  readonly isGlob: boolean;
  /** Whether a `ValidationPipe` validates the data. */
  readonly isValidated?: boolean;
  /** Without a `ValidationPipe` only. */
  readonly limits?: HandlerLimits;
}

const arrivals = new ArrivalCounter();
const handle = (): void => arrivals.increment();

const commands = {
  async listen(given: ReceiverOptions): Promise<void> {
    const { candidate, isValidated = false, limits, ...options } = given;
    const controller = isValidated
      ? validatedController(options.patterns, handle)
      : eventController(options.patterns, handle, { ...limits });
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
