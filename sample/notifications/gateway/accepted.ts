import { ServiceUnavailableException } from '@nestjs/common';
import { map, type OperatorFunction } from 'rxjs';

/** The body of the response 202. */
export interface Accepted {
  /** How many subscriptions Redis delivered the event to. */
  readonly receivers: number;
}

/** Maps the number of receivers to the response. An event without receivers is not stored, so that it is an error. */
export function accepted(): OperatorFunction<number, Accepted> {
  return map((receivers) => {
    if (receivers > 0) return { receivers };
    throw new ServiceUnavailableException(
      'No service receives this at the moment. Try again later.',
    );
  });
}
