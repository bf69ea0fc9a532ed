import type { Redis } from 'ioredis';
import { messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { retryDelay } from './create-clients.js';

/**
 * Makes the functions that a user gave ioredis safe to call: what they throw within ioredis ends the process, or
 * leaves a connection that is neither there nor tried again. Tells `onRetry` what `retryStrategy` decides.
 */
export function guardCallbacks(
  { options }: Redis,
  log: BrokerLog,
  onRetry: (delay: number | void | null) => void,
): void {
  const guard = <T>(name: string, fallback: T, call: () => T): T => {
    try {
      return call();
    } catch (error) {
      log.error(`${name} failed: ${messageOf(error)}`);
      return fallback;
    }
  };
  const { retryStrategy, reconnectOnError } = options;
  options.retryStrategy = (attempt) => {
    const delay = guard('retryStrategy', retryDelay(attempt), () => retryStrategy?.(attempt));
    onRetry(delay);
    return delay;
  };
  if (!reconnectOnError) return;
  options.reconnectOnError = (error) =>
    guard('reconnectOnError', false, () => reconnectOnError(error));
}
