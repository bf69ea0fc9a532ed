import type { Type } from '@nestjs/common';

/** Who is measured. `ioredis` is the floor: the least that the same job takes with that client. */
export type ParticipantName = 'ours' | 'built-in' | 'ioredis' | 'node-redis';

/** A participant of the request measures: those above, and the floor with the JSON of requests. */
export type RequestingName = ParticipantName | 'ioredis-json';

/** What listens to what, for a receiving participant. */
export interface Listening {
  readonly port: number;
  /** A class with a handler for each pattern; see `controllers.ts`. */
  readonly controller: Type;
  readonly patterns: readonly string[];
  readonly isGlob: boolean;
}

export interface EmitterOptions {
  /** Whether what is emitted in one tick may go out as one, where a participant knows how. */
  readonly batches: boolean;
}

/** Sends one event; resolves when Redis has taken it. */
export type Emit = (channel: string, data: unknown) => Promise<unknown>;

/** Sends one request; resolves to its reply. */
export type Ask = () => Promise<unknown>;

/** One way to do the jobs that are measured. */
export interface Participant extends RequestingParticipant {
  /** Handles events. Resolves when Redis has acknowledged every pattern. */
  readonly listen: (listening: Listening) => Promise<void>;
  readonly connectEmitter: (port: number, options: EmitterOptions) => Promise<Emit>;
}

/** One way to ask and to answer. */
export interface RequestingParticipant {
  /** Answers every request on a channel with its own data. Resolves when Redis has acknowledged it. */
  readonly respond: (port: number, channel: string) => Promise<void>;
  /** Resolves to what asks on a channel, always with the same data. */
  readonly connectRequester: (port: number, channel: string, data: unknown) => Promise<Ask>;
}
