import { Catch, HttpStatus, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { ConnectionError } from 'nestjs-redis-pubsub';

/** While Redis is away an event is refused, not lost: the caller may try again. */
@Catch(ConnectionError)
export class RedisAwayFilter implements ExceptionFilter<ConnectionError> {
  catch({ message }: ConnectionError, host: ArgumentsHost): void {
    const statusCode = HttpStatus.SERVICE_UNAVAILABLE;
    host.switchToHttp().getResponse<Response>().status(statusCode).json({ statusCode, message });
  }
}
