import type { MessageEvent } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { PubSubMessage } from './message-observer.js';
import type { RecoverOptions } from './service-options.js';

/** How many messages wait for a load. With more, the load is repeated. */
const MAX_HELD = 10_000;

/** The options of an observer that recovers, without those that a stream sets itself. */
type Recovering = Omit<RecoverOptions, 'onSubscribed'>;

/** Observes one channel with these options. */
type Observe<T> = (options: RecoverOptions) => Observable<PubSubMessage<T>>;

/** An element of `RedisPubSubService.follow`: a state that was loaded, or a message that came since. */
export type PubSubFollowed<State, T = unknown> =
  { readonly state: State } | { readonly message: PubSubMessage<T> };

/** Emits a loaded state, then the messages since; the state again after messages were lost. */
export function followState<State, T>(
  observe: Observe<T>,
  load: (position: string | undefined) => State | Promise<State>,
  options: Recovering,
): Observable<PubSubFollowed<State, T>> {
  return new Observable((subscriber) => {
    let held: PubSubMessage<T>[] | undefined;
    let loads = 0;
    const reload = async (position: string | undefined): Promise<void> => {
      const number = ++loads;
      held = [];
      try {
        const state = await load(position);
        if (number !== loads) return;
        subscriber.next({ state });
        const messages = held;
        held = undefined;
        for (const message of messages) subscriber.next({ message });
      } catch (error) {
        if (number === loads) subscriber.error(error);
      }
    };
    const next = (message: PubSubMessage<T>): void => {
      if (!held) subscriber.next({ message });
      else if (held.push(message) > MAX_HELD) void reload(message.position);
    };
    const onSubscribed: RecoverOptions['onSubscribed'] = ({ recovered, position }) => {
      if (!recovered) void reload(position);
    };
    const subscription = observe({ ...options, onSubscribed }).subscribe({
      next,
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    subscription.add(() => loads++);
    return subscription;
  });
}

/** Emits server-sent events: each message with its position as the id, and `resync` where messages are lost. */
export function toEvents<T>(
  observe: Observe<T>,
  options: RecoverOptions,
): Observable<MessageEvent> {
  return new Observable((subscriber) => {
    const onSubscribed: RecoverOptions['onSubscribed'] = (outcome) => {
      const { recovered, position } = outcome;
      if (!recovered) subscriber.next({ type: 'resync', data: {}, ...withId(position) });
      return options.onSubscribed?.(outcome);
    };
    return observe({ ...options, onSubscribed }).subscribe({
      next: ({ data, position }) => subscriber.next({ data: eventData(data), ...withId(position) }),
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
  });
}

function withId(position: string | undefined): Pick<MessageEvent, 'id'> {
  return position === undefined ? {} : { id: position };
}

/** Nest takes text and objects. */
function eventData(data: unknown): string | object {
  if (typeof data === 'string') return data;
  return typeof data === 'object' && data !== null ? data : JSON.stringify(data);
}
