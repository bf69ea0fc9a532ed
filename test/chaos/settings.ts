import { inject } from 'vitest';

/** How much chaos there is; from the environment, the same for all files of a run. */
export interface ChaosSettings {
  /** What decides over everything random. */
  readonly seed: number;
  /** Whether this is the full form, which takes half an hour. */
  readonly isFull: boolean;
  /** How many random faults come in a row. */
  readonly faults: number;
  readonly soakSeconds: number;
  /** How many times a fault of several servers is repeated. */
  readonly failovers: number;
  /** How many times a failover is that an operator of a Cluster orders. */
  readonly gracefulFailovers: number;
  /** How many channels are subscribed to and left again. */
  readonly cycles: number;
  /** What the library is given, in milliseconds. */
  readonly liveness: { readonly pingInterval: number; readonly pingTimeout: number };
  /** The file that collects what was measured, a JSON object a line. */
  readonly measurements: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    chaos: ChaosSettings;
  }
}

/** Reads the environment: CHAOS, CHAOS_SEED, CHAOS_FAULTS, CHAOS_SOAK_SECONDS. */
export function readSettings(env: NodeJS.ProcessEnv, measurements: string): ChaosSettings {
  const isFull = env.CHAOS === 'full';
  return {
    seed: count(env, 'CHAOS_SEED') ?? Math.floor(Math.random() * 2 ** 32),
    isFull,
    faults: count(env, 'CHAOS_FAULTS') ?? (isFull ? 200 : 20),
    soakSeconds: count(env, 'CHAOS_SOAK_SECONDS') ?? (isFull ? 600 : 60),
    failovers: isFull ? 5 : 1,
    gracefulFailovers: isFull ? 30 : 5,
    cycles: isFull ? 1_000_000 : 50_000,
    liveness: isFull
      ? { pingInterval: 3_000, pingTimeout: 3_000 }
      : { pingInterval: 400, pingTimeout: 600 },
    measurements,
  };
}

/** The settings of this run. */
export const settings = (): ChaosSettings => inject('chaos');

function count(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`Expected ${name} to be a whole number, got "${text}"`);
  }
  return value;
}
