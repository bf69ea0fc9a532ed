import { Catch, HttpException, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { ConnectionError } from 'nestjs-redis-pubsub';

/** What fails while Redis is away is answered with 503: the caller may try again. */
@Catch()
export class RedisAwayFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    // What a message ends with is not answered over HTTP.
    if (host.getType() !== 'http') throw error;
    const answer = isRedisAway(error) ? redisAway(error) : error;
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- Nest's method
    super.catch(answer, host);
  }
}

/** What ioredis says of a connection that is not there, was lost, or does not answer. */
const AWAY =
  /Connection is closed|max retries per request|Command timed out|Stream isn't writeable/;

function isRedisAway(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof Error && !(error instanceof HttpException) && AWAY.test(error.message);
}

function redisAway(cause: unknown): HttpException {
  const message = 'Redis is away. Try again in a moment.';
  return new HttpException(
    { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message },
    HttpStatus.SERVICE_UNAVAILABLE,
    { cause },
  );
}
