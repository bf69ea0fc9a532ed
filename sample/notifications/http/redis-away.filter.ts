import {
  Catch,
  HttpException,
  HttpStatus,
  type ArgumentsHost,
  type HttpServer,
} from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import type { Redis } from 'ioredis';
import { ConnectionError } from 'nestjs-redis-pubsub';

/** What fails while Redis is away is answered with 503: the caller may try again. */
@Catch()
export class RedisAwayFilter extends BaseExceptionFilter {
  constructor(
    server: HttpServer,
    private readonly redis: Redis,
  ) {
    super(server);
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    const answer = this.#isRedisAway(error) ? redisAway(error) : error;
    // oxlint-disable-next-line promise/valid-params, promise/no-promise-in-callback -- Nest's method
    super.catch(answer, host);
  }

  #isRedisAway(error: unknown): boolean {
    if (error instanceof HttpException || !(error instanceof Error)) return false;
    const hangs = error.message === 'Command timed out';
    return error instanceof ConnectionError || hangs || this.redis.status !== 'ready';
  }
}

function redisAway(cause: unknown): HttpException {
  const message = 'Redis is away. Try again in a moment.';
  return new HttpException(
    { statusCode: HttpStatus.SERVICE_UNAVAILABLE, message },
    HttpStatus.SERVICE_UNAVAILABLE,
    { cause },
  );
}
