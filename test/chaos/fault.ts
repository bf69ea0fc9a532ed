import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import type { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Topology } from '../support/faults/topology.js';
import type { NumberedChannels, TestApplication } from './application.js';

/** The part of a scenario that its faults use. */
export interface FaultContext {
  readonly topology: Topology;
  readonly application: TestApplication;
  readonly channels: NumberedChannels;
  /** Publishes on the plain channels, over {@link plain}. */
  readonly publisher: SteadyPublisher;
  readonly plain: PlainPublisher;
  /** Resolves when every listener has received a message that was published after the call. */
  receivesFromNowOn(): Promise<unknown>;
}

/** A fault that was injected, and may last. */
export interface Injection {
  /** Resolves when the fault has lasted long enough to show its effect. Default: at once. */
  readonly showsEffect?: () => Promise<unknown>;
  /** Stops the fault. */
  readonly stop?: () => Promise<unknown>;
  /** Whether every message arrives until the application notices; then {@link showsEffect} waits for that. */
  readonly deliversUntilNoticed?: boolean;
  /** Repairs the servers when every listener has recovered. */
  readonly cleanUp?: () => Promise<unknown>;
}

/** Something that goes wrong with a server, or with the connection to it. */
export interface Fault {
  readonly name: string;
  /** From when its recovery is counted. */
  readonly countedFrom: 'its beginning' | 'its end';
  readonly inject: (context: FaultContext) => Promise<Injection>;
}

/** The fault of a name. */
export function findFault(faults: readonly Fault[], name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (!found) throw new Error(`There is no fault "${name}"`);
  return found;
}
