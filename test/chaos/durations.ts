import { setTimeout } from 'node:timers/promises';
import { eventually } from '../support/redis.js';
import type { FaultContext } from './fault.js';
import { settings } from './settings.js';

/** Resolves when every timeout of this package has passed: of a handshake, and of a PING sent just before. */
export function pastEveryDeadline(): Promise<void> {
  const { pingInterval, pingTimeout } = settings().heartbeat;
  return setTimeout(pingInterval + 2 * pingTimeout + 200);
}

/** Resolves when the application is not connected. */
export function noticed({ application }: FaultContext): Promise<void> {
  return eventually(() => application.status !== 'connected', 'the application notices the fault');
}

/** Returns a function that resolves when Redis has refused a subscription since this call. */
export function refused({ application }: FaultContext): () => Promise<void> {
  const refusals = (): number =>
    application.log.of('error').filter((line) => line.startsWith('Redis refused to subscribe'))
      .length;
  const before = refusals();
  return () => eventually(() => refusals() > before, 'Redis refuses a subscription');
}
