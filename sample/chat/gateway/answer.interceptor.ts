import {
  Injectable,
  Logger,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, map, of, type Observable } from 'rxjs';
import { isRedisOutage } from '../../support/redis-outage.js';
import { Refusal, unavailable, type RefusalCode } from './refusal.js';

/** The acknowledgement of every request of a socket. */
export type Answer<Value> =
  | { readonly value: Value }
  | {
      readonly error: {
        readonly code: RefusalCode;
        readonly message: string;
        readonly retryInMs?: number;
      };
    };

/**
 * Answers each request by its acknowledgement, also one that failed in a pipe or in the handler. Nest's
 * exception filters emit an event instead, which belongs to no request.
 */
@Injectable()
export class AnswerInterceptor implements NestInterceptor {
  readonly #logger = new Logger(AnswerInterceptor.name);

  intercept(_context: ExecutionContext, next: CallHandler): Observable<Answer<unknown>> {
    return next.handle().pipe(
      map((value: unknown) => ({ value })),
      catchError((error: unknown) => of({ error: this.#describe(error) })),
    );
  }

  #describe(error: unknown) {
    const isRefusal = error instanceof Refusal;
    // The module logs an outage itself.
    if (!isRefusal && !isRedisOutage(error)) this.#logger.error(error);
    const { code, message, retryInMs } = isRefusal ? error : unavailable();
    return { code, message, retryInMs };
  }
}
