import { ServiceUnavailableException } from '@nestjs/common';
import { map, type OperatorFunction } from 'rxjs';

/** The answer 202. */
export interface Accepted {
  /** How many subscriptions Redis delivered the event to. */
  readonly receivers: number;
}

/** From the receivers of an event to the answer: what nobody heard is stored nowhere. */
export function accepted(): OperatorFunction<number, Accepted> {
  return map((receivers) => {
    if (receivers > 0) return { receivers };
    throw new ServiceUnavailableException('Nobody takes this at the moment. Try again later.');
  });
}
