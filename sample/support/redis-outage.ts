import { ConnectionError } from 'nestjs-redis-pubsub';

/** The error messages of ioredis for a connection that is closed, lost, or does not respond. */
const CONNECTION_FAILURE =
  /Connection is closed|max retries per request|Command timed out|Stream isn't writeable/;

/** Whether a request failed because Redis cannot be reached, so that the caller can retry it. */
export function isRedisOutage(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof Error && CONNECTION_FAILURE.test(error.message);
}
