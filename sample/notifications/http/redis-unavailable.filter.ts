import { Catch, HttpException, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { isRedisOutage } from '../../support/redis-outage.js';

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

function isConnectionFailure(error: unknown): boolean {
  return !(error instanceof HttpException) && isRedisOutage(error);
}

function serviceUnavailable(cause: unknown): HttpException {
  const message = 'Redis is away. Try again in a moment.';
  return new HttpException(
    { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message },
    HttpStatus.SERVICE_UNAVAILABLE,
    { cause },
  );
}
