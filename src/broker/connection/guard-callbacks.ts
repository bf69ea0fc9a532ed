import type { Redis } from 'ioredis';
import { messageOf } from '../../errors.js';
import type { BrokerLog } from '../broker.js';
import { retryDelay } from './create-clients.js';

/**
 * Makes the functions that a user gave ioredis safe to call. What they throw inside ioredis would end the
 * process, or leave a connection that is neither up nor retried. `onRetry` receives what
 * `retryStrategy` returns: a delay, or anything else to stop.
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
      log.error(`The ioredis option "${name}" threw; using its default: ${messageOf(error)}`);
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
