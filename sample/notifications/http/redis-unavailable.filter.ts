import { Catch, HttpException, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { ConnectionError } from 'nestjs-redis-pubsub';

/** Responds with 503 to requests that fail during an outage of Redis, so that the caller can retry. */
@Catch()
export class RedisUnavailableFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    // The error of a message handler has no HTTP response.
    if (host.getType() !== 'http') throw error;
    const answer = isConnectionFailure(error) ? serviceUnavailable(error) : error;
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- Nest's method
    super.catch(answer, host);
  }
}

/** The error messages of ioredis for a connection that is closed, lost, or does not respond. */
const CONNECTION_FAILURE =
  /Connection is closed|max retries per request|Command timed out|Stream isn't writeable/;

function isConnectionFailure(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return (
    error instanceof Error &&
    !(error instanceof HttpException) &&
    CONNECTION_FAILURE.test(error.message)
  );
}

function serviceUnavailable(cause: unknown): HttpException {
  const message = 'Redis is away. Try again in a moment.';
  return new HttpException(
    { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message },
    HttpStatus.SERVICE_UNAVAILABLE,
    { cause },
  );
}
