import { Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import { RedisPubSubClient, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, interval } from 'rxjs';
import { defer, map, merge, ReplaySubject, takeUntil, timer, type Observable } from 'rxjs';
import { BROADCAST, userChannel } from '../contract/channels.js';
import { INSTANCE } from './instance.js';
import { Presence } from './presence.js';

/** How often something goes over a stream, so that either end notices when the other is gone; ms. */
const HEARTBEAT = 10_000;

/**
 * The events of a user's stream. Redis has one subscription per user with an open stream, and one
 * for the broadcasts, however many streams there are.
 */
@Injectable()
export class LiveEvents implements OnModuleDestroy {
  /** Replayed: a page whose stream ends opens another one, on the connection that it still has. */
  readonly #closing = new ReplaySubject<void>(1);
  /** Not shared: to write to thousands of streams in one moment would hold up what arrives then. */
  readonly #heartbeat = interval(HEARTBEAT).pipe(
    map((): MessageEvent => ({ type: 'heartbeat', data: {} })),
  );

  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly client: RedisPubSubClient,
    private readonly presence: Presence,
  ) {}

  /** Ends with the session, at `expiresAt`. */
  of(userId: string, expiresAt: Date): Observable<MessageEvent> {
    return defer(() => {
      const isSubscribed = new BehaviorSubject(false);
      const onSubscribed = (): void => isSubscribed.next(true);
      return merge(
        this.pubsub.observe(BROADCAST).pipe(filter(isNotification), map(toEvent)),
        this.pubsub
          .observe(userChannel(userId), { onSubscribed })
          .pipe(filter(isNotification), map(toEvent)),
        this.#delivery(isSubscribed),
        this.presence.changes,
        this.#heartbeat,
      ).pipe(takeUntil(merge(this.#closing, timer(expiresAt))));
    });
  }

  onModuleDestroy(): void {
    this.#closing.next();
  }

  /** `ready` whenever everything is heard from now on, `interrupted` while Redis is away. */
  #delivery(isSubscribed: Observable<boolean>): Observable<MessageEvent> {
    return combineLatest([this.client.status, isSubscribed]).pipe(
      filter(([status, isSubscribed]) => status !== 'connected' || isSubscribed),
      map(([status]) => (status === 'connected' ? 'ready' : 'interrupted')),
      distinctUntilChanged(),
      map((type) => ({ type, data: { instance: INSTANCE } })),
    );
  }
}

/** Whoever reaches Redis can publish anything; a stream takes objects. */
function isNotification(message: PubSubMessage): message is PubSubMessage<object> {
  return typeof message.data === 'object' && message.data !== null;
}

/** A message on a user's channel is a notification, unless a header says otherwise. */
function toEvent({ headers, data }: PubSubMessage<object>): MessageEvent {
  return { type: headers.event === 'read' ? 'read' : 'notification', data };
}
