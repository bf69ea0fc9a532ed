import { Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import { RedisPubSubClient, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, interval } from 'rxjs';
import { defer, map, merge, ReplaySubject, takeUntil, timer, type Observable } from 'rxjs';
import { BROADCAST, userChannel } from '../contract/channels.js';
import {
  isNotification,
  isNotificationsRead,
  type Notification,
  type NotificationsRead,
} from '../contract/notification.js';
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
        this.pubsub.observe(BROADCAST).pipe(filter(isValid), map(toEvent)),
        this.pubsub
          .observe(userChannel(userId), { onSubscribed })
          .pipe(filter(isValid), map(toEvent)),
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

type Content = Notification | NotificationsRead;

/** Whoever reaches Redis can publish anything; a page takes what it can show. */
function isValid(message: PubSubMessage): message is PubSubMessage<Content> {
  const { data } = message;
  return isRead(message) ? isNotificationsRead(data) : isNotification(data);
}

function toEvent(message: PubSubMessage<Content>): MessageEvent {
  return { type: isRead(message) ? 'read' : 'notification', data: message.data };
}

/** A message on a user's channel is a notification, unless a header says otherwise. */
function isRead({ headers }: PubSubMessage): boolean {
  return headers.event === 'read';
}
