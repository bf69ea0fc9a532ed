import type { Arena } from './arena.js';
import type { Contestant } from './contestants.js';
import type { Participant } from './participant.js';

/** Something that goes wrong between a subscriber and those who publish. */
export interface Fault {
  readonly topology: string;
  readonly name: string;
  /** From when it is counted how long somebody does not hear. */
  readonly countedFrom: string;
  /** Resolves when everything is well, and the fault could strike. */
  readonly prepare: () => Promise<Stage>;
}

/** What is set up for one round of a fault. */
export interface Stage {
  readonly contestants: readonly Contestant[];
  readonly channelOf: (contestant: Contestant) => string;
  /** The way to Redis that a contestant is given. */
  readonly connectionOf: (contestant: Contestant) => object;
  readonly publisher: Publisher;
  /** Whether the fault begins before the participants do, and brings them in itself. */
  readonly isBeforeTheStart?: boolean;
  /** Whether a participant is connected to what the fault hits; if not, it is started anew. */
  readonly isInPlace?: (participant: Participant) => Promise<boolean>;
  readonly strike: (arena: Arena) => Promise<Strike>;
  /** Takes everything away, and leaves Redis well. */
  readonly clear: () => Promise<unknown>;
}

/** Who publishes the numbered messages. */
export interface Publisher {
  readonly send: (channel: string, data: object) => Promise<unknown>;
  readonly close: () => void;
}

/** A fault that has struck. */
export interface Strike {
  /** From when it is counted for a participant; undefined while that has not come. */
  readonly from: (participant: Participant) => number | undefined;
  /** From when on its losses count, if not from the beginning of the fault. */
  readonly lossesFrom?: (participant: Participant) => number | undefined;
}

/** A channel of its own for each contestant. */
export const channelOf = ({ id }: Contestant): string => `faults.${id}`;

/** Counts from now, for everybody. */
export function fromNow(): Strike {
  const now = Date.now();
  return { from: () => now };
}
