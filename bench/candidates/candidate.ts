import type { Type } from '@nestjs/common';

/** The implementations that are compared. `ioredis` is the floor: the lowest cost of the same job with that client. */
export type CandidateName = 'ours' | 'built-in' | 'ioredis' | 'node-redis';

/** The candidates of the request measures: those above, and the floor with the JSON of requests. */
export type RequestingName = CandidateName | 'ioredis-json';

/** The handlers of a receiving candidate. */
export interface ListenOptions {
  readonly port: number;
  /** A class with a handler for each pattern; see `controllers.ts`. */
  readonly controller: Type;
  readonly patterns: readonly string[];
  readonly isGlob: boolean;
}

export interface EmitterOptions {
  /** Whether the candidate may send the events of one tick as a batch, if it supports that. */
  readonly batches: boolean;
  /** Whether messages have ids, if the candidate supports that. Default true. */
  readonly messageIds?: boolean;
  /** How many messages Redis keeps of each channel, if the candidate supports that. Default none. */
  readonly keeps?: number;
}

/** Sends one event; resolves when Redis has confirmed it. */
export type Emit = (channel: string, data: unknown) => Promise<unknown>;

/** Sends one request; resolves to its reply. */
export type SendRequest = () => Promise<unknown>;

/** An implementation of all measured jobs. */
export interface Candidate extends RequestingCandidate {
  /** Handles events. Resolves when Redis has acknowledged every pattern. */
  readonly listen: (options: ListenOptions) => Promise<void>;
  readonly connectEmitter: (port: number, options: EmitterOptions) => Promise<Emit>;
}

/** An implementation of request-response. */
export interface RequestingCandidate {
  /**
   * Replies to every request on a channel with the data of the request. Resolves when Redis has acknowledged
   * the subscription.
   */
  readonly respond: (port: number, channel: string) => Promise<void>;
  /** Resolves to a function that sends a request on a channel, always with the same data. */
  readonly connectRequester: (port: number, channel: string, data: unknown) => Promise<SendRequest>;
}
