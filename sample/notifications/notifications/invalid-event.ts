import {
  Catch,
  Logger,
  ValidationPipe,
  type ArgumentsHost,
  type RpcExceptionFilter,
} from '@nestjs/common';
import type { RedisPubSubContext } from 'nestjs-redis-pubsub';
import { EMPTY, type Observable } from 'rxjs';
import { printable } from '../process/printable.js';

class InvalidEventError extends Error {}

/** Any client of Redis can publish any payload; handlers receive only valid ones. */
export const eventValidation = new ValidationPipe({
  whitelist: true,
  transform: true,
  exceptionFactory: (errors) => {
    const reasons = errors.flatMap(({ constraints }) => Object.values(constraints ?? {}));
    return new InvalidEventError(reasons.join('; '));
  },
});

/** Logs an invalid event in one line, without the stack trace that Nest logs for other errors. */
@Catch(InvalidEventError)
export class InvalidEventFilter implements RpcExceptionFilter<InvalidEventError> {
  readonly #logger = new Logger('InvalidEvent');

  catch({ message }: InvalidEventError, host: ArgumentsHost): Observable<never> {
    const context = host.switchToRpc().getContext<RedisPubSubContext>();
    this.#logger.warn(`Ignored an invalid event on ${printable(context.getChannel())}: ${message}`);
    return EMPTY;
  }
}
