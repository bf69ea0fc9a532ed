import { Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import { RedisPubSubClient, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, interval } from 'rxjs';
import { defer, map, merge, ReplaySubject, takeUntil, timer, type Observable } from 'rxjs';
import { BROADCAST, POST_EVENTS, userChannel } from '../contract/channels.js';
import {
  isNotification,
  isNotificationsRead,
  isPostChange,
  type Notification,
  type NotificationsRead,
} from '../contract/notification.js';
import { INSTANCE } from './instance.js';
import { Presence } from './presence.js';
import { Traffic } from './traffic.js';

/** Interval of the heartbeat event, by which both ends detect a lost connection, in milliseconds. */
const HEARTBEAT_INTERVAL_MS = 10_000;

/**
 * The events of a user's stream. There is one Redis subscription per user with an open stream, one for the
 * broadcasts and one for the changes of posts, for any number of streams.
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
    private readonly traffic: Traffic,
  ) {}

  /** Completes when the session expires, at `expiresAt`. */
  of(userId: string, expiresAt: Date): Observable<MessageEvent> {
    return defer(() => {
      const subscriptions = new Subscriptions();
      const { pubsub } = this;
      return merge(
        pubsub.observe(BROADCAST, subscriptions.next()).pipe(filter(isValid), map(toEvent)),
        pubsub.observePattern(POST_EVENTS, subscriptions.next()).pipe(
          filter(({ data }) => isPostChange(data)),
          map(toPostEvent),
        ),
        pubsub
          .observe(userChannel(userId), subscriptions.next())
          .pipe(filter(isValid), map(toEvent)),
        this.#streamStatus(subscriptions.areComplete),
        this.presence.changes,
        this.traffic.of(userId),
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

/** Waits until Redis has acknowledged several subscriptions. */
class Subscriptions {
  readonly areComplete = new BehaviorSubject(false);
  #pending = 0;

  /** The options of one more subscription. */
  next(): { readonly onSubscribed: () => void } {
    this.#pending += 1;
    let isPending = true;
    const onSubscribed = (): void => {
      if (isPending) this.#pending -= 1;
      isPending = false;
      if (this.#pending === 0) this.areComplete.next(true);
    };
    return { onSubscribed };
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

/** The page loads the post, because what it shows depends on the user. */
function toPostEvent({ data }: PubSubMessage): MessageEvent {
  const { postId } = data as { readonly postId: string };
  return { type: 'post', data: { postId } };
}

/** A message on a user's channel is a notification, unless it has the header `event: read`. */
function isRead({ headers }: PubSubMessage): boolean {
  return headers.event === 'read';
}
