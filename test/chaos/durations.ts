import { setTimeout } from 'node:timers/promises';
import type { Scene } from './scene.js';
import { settings } from './settings.js';
import { until } from './until.js';

/** Resolves later than every deadline of the library: of a handshake, of a PING sent just before. */
export function pastEveryDeadline(): Promise<void> {
  const { pingInterval, pingTimeout } = settings().liveness;
  return setTimeout(pingInterval + 2 * pingTimeout + 200);
}

/** Resolves when the application knows that something is wrong. */
export function noticed({ subject }: Scene): Promise<void> {
  return until('the application notices', () => subject.status !== 'connected');
}

/** Counts from now; resolves when the application was refused a subscription that it wants. */
export function refused({ subject }: Scene): () => Promise<void> {
  const refusals = (): number =>
    subject.log.of('error').filter((line) => line.startsWith('Redis refused to subscribe')).length;
  const before = refusals();
  return () => until('a subscription is refused', () => refusals() > before);
}
