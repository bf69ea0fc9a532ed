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

/** Interval of the heartbeat event, by which both ends detect a lost connection, in milliseconds. */
const HEARTBEAT_INTERVAL_MS = 10_000;

/**
 * The events of a user's stream. There is one Redis subscription per user with an open stream and one
 * for the broadcasts, for any number of streams.
 */
@Injectable()
export class LiveEvents implements OnModuleDestroy {
  /** Replayed, because a page reopens a closed stream on the HTTP connection that is still open. */
  readonly #closing = new ReplaySubject<void>(1);
  /** Not shared: a write to thousands of streams at the same moment would delay the messages that arrive then. */
  readonly #heartbeat = interval(HEARTBEAT_INTERVAL_MS).pipe(
    map((): MessageEvent => ({ type: 'heartbeat', data: {} })),
  );

  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly client: RedisPubSubClient,
    private readonly presence: Presence,
  ) {}

  /** Completes when the session expires, at `expiresAt`. */
  of(userId: string, expiresAt: Date): Observable<MessageEvent> {
    return defer(() => {
      const isSubscribed = new BehaviorSubject(false);
      const onSubscribed = (): void => isSubscribed.next(true);
      return merge(
        this.pubsub.observe(BROADCAST).pipe(filter(isValid), map(toEvent)),
        this.pubsub
          .observe(userChannel(userId), { onSubscribed })
          .pipe(filter(isValid), map(toEvent)),
        this.#streamStatus(isSubscribed),
        this.presence.changes,
        this.#heartbeat,
      ).pipe(takeUntil(merge(this.#closing, timer(expiresAt))));
    });
  }

  onModuleDestroy(): void {
    this.#closing.next();
  }

  /** `ready` when the subscription delivers every message from now on, `interrupted` during an outage of Redis. */
  #streamStatus(isSubscribed: Observable<boolean>): Observable<MessageEvent> {
    return combineLatest([this.client.status, isSubscribed]).pipe(
      filter(([status, isSubscribed]) => status !== 'connected' || isSubscribed),
      map(([status]) => (status === 'connected' ? 'ready' : 'interrupted')),
      distinctUntilChanged(),
      map((type) => ({ type, data: { instance: INSTANCE } })),
    );
  }
}

type Content = Notification | NotificationsRead;

/** Any client of Redis can publish any payload; a page receives only valid ones. */
function isValid(message: PubSubMessage): message is PubSubMessage<Content> {
  const { data } = message;
  return isRead(message) ? isNotificationsRead(data) : isNotification(data);
}

function toEvent(message: PubSubMessage<Content>): MessageEvent {
  return { type: isRead(message) ? 'read' : 'notification', data: message.data };
}

/** A message on a user's channel is a notification, unless it has the header `event: read`. */
function isRead({ headers }: PubSubMessage): boolean {
  return headers.event === 'read';
}
