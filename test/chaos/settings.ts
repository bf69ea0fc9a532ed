import { inject } from 'vitest';

/** The settings of a run, from the environment. All files of a run share them. */
export interface ChaosSettings {
  /** The seed of every random choice. */
  readonly seed: number;
  /** Whether the run is full, which takes 40 minutes. */
  readonly isFull: boolean;
  /** How many random faults are injected in a row. */
  readonly faults: number;
  readonly soakSeconds: number;
  /** How many times a fault of several servers is injected. */
  readonly failovers: number;
  /** How many times a failover that an operator of a Cluster orders is injected. */
  readonly gracefulFailovers: number;
  /** How many channels are subscribed to and unsubscribed from. */
  readonly cycles: number;
  /** Options of the application, in milliseconds. */
  readonly heartbeat: { readonly pingInterval: number; readonly pingTimeout: number };
  /** The file of the measurements: each line is a JSON object. */
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
    heartbeat: isFull
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
