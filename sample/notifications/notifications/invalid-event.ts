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
import { RepeatedWarnings } from '../process/repeated-warnings.js';

/** The number of characters of a channel name in the log. */
const MAX_NAME_LENGTH = 100;

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

/** Logs each kind of invalid event in one line, without the stack trace that Nest logs for other errors. */
@Catch(InvalidEventError)
export class InvalidEventFilter implements RpcExceptionFilter<InvalidEventError> {
  readonly #logger = new Logger('InvalidEvent');
  readonly #warnings = new RepeatedWarnings((line) => this.#logger.warn(line));

  catch({ message }: InvalidEventError, host: ArgumentsHost): Observable<never> {
    const context = host.switchToRpc().getContext<RedisPubSubContext>();
    this.#warnings.warn(`Ignored an invalid event on ${nameOf(context)}: ${message}`);
    return EMPTY;
  }
}

/** A publisher chooses the name, which a pattern such as `user.*` matches at any length. */
function nameOf(context: RedisPubSubContext): string {
  return printable(context.getChannel().slice(0, MAX_NAME_LENGTH));
}
