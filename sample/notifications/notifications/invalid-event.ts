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

/** Anyone who reaches Redis can publish: handlers see only what is valid. */
export const eventValidation = new ValidationPipe({
  whitelist: true,
  transform: true,
  exceptionFactory: (errors) => {
    const reasons = errors.flatMap(({ constraints }) => Object.values(constraints ?? {}));
    return new InvalidEventError(reasons.join('; '));
  },
});

/** Logs what is invalid in one line, without the stack that Nest prints for a failure of ours. */
@Catch(InvalidEventError)
export class InvalidEventFilter implements RpcExceptionFilter<InvalidEventError> {
  readonly #logger = new Logger('InvalidEvent');

  catch({ message }: InvalidEventError, host: ArgumentsHost): Observable<never> {
    const context = host.switchToRpc().getContext<RedisPubSubContext>();
    this.#logger.warn(`${printable(context.getChannel())}: ${message}`);
    return EMPTY;
  }
}
