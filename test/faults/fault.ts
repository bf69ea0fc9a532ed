import type { CandidateProcess } from '../support/faults/candidate-process.js';
import type { Candidate } from '../support/faults/candidates.js';
import type { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';

/** How many times the harness injects each fault. */
export const ROUNDS = 3;

/** Something that goes wrong between a publisher and a subscriber. */
export interface Fault {
  readonly topology: string;
  readonly name: string;
  /** The moment from which the table counts how long a candidate receives nothing. */
  readonly countedFrom: string;
  /** Creates the scenario of one round; resolves when the servers work and the fault can be injected. */
  readonly createScenario: () => Promise<Scenario>;
}

/** The set-up of one round of a fault. */
export interface Scenario {
  readonly candidates: readonly Candidate[];
  readonly channelOf: (candidate: Candidate) => string;
  /** How a candidate connects to Redis. */
  readonly connectionOf: (candidate: Candidate) => object;
  readonly publisher: PlainPublisher;
  /** Whether {@link inject} starts the candidates, because the fault precedes their start. Default: false. */
  readonly startsCandidates?: boolean;
  /** Whether a candidate is connected to the server that the fault hits. If not, the round restarts it. */
  readonly isInPlace?: (process: CandidateProcess) => Promise<boolean>;
  /** Injects the fault; resolves when the time of the table begins. */
  readonly inject: (candidates: RunningCandidates) => Promise<Injection>;
  /** Closes the publisher and repairs the servers. */
  readonly cleanUp: () => Promise<unknown>;
}

/** The candidates of a round, as a fault sees them. */
export interface RunningCandidates {
  readonly channels: readonly NumberedChannel[];
  readonly processes: readonly CandidateProcess[];
  /** Starts every candidate; resolves when each is about to connect. */
  start(): Promise<void>;
}

/** A fault that was injected. */
export interface Injection {
  /** From when the time of a candidate counts; undefined until that moment. */
  readonly countedFrom: (process: CandidateProcess) => number | undefined;
  /** From when its losses count. Default: the moment of the injection. */
  readonly lossesFrom?: (process: CandidateProcess) => number | undefined;
}

/** Each candidate has a channel of its own. */
export const channelOf = ({ id }: Candidate): string => `faults.${id}`;

/** Counts the time of every candidate from now. */
export function countFromNow(): Injection {
  const now = Date.now();
  return { countedFrom: () => now };
}
