import { Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import { RedisPubSubClient, RedisPubSubService, type PubSubMessage } from 'nestjs-redis-pubsub';
import { BehaviorSubject, combineLatest, distinctUntilChanged, filter, interval } from 'rxjs';
import {
  concatMap,
  defer,
  map,
  merge,
  ReplaySubject,
  takeUntil,
  timer,
  type Observable,
} from 'rxjs';
import { BROADCAST, POST_EVENTS, userChannel } from '../contract/channels.js';
import {
  isNotification,
  isNotificationsRead,
  isPostChange,
  type Notification,
} from '../contract/notification.js';
import { keepEventId } from './event-ids.js';
import { INSTANCE } from './instance.js';
import { Presence } from './presence.js';
import { Traffic } from './traffic.js';

/** Interval of the heartbeat event, by which both ends detect a lost connection, in milliseconds. */
const HEARTBEAT_INTERVAL_MS = 10_000;

/** A user's stream that was requested. */
export interface StreamRequest {
  readonly userId: string;
  /** The stream completes when the session expires. */
  readonly expiresAt: Date;
  /** The id of the last event that the browser has: what followed it comes first. */
  readonly lastEventId?: string | undefined;
}

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

  of({ userId, expiresAt, lastEventId }: StreamRequest): Observable<MessageEvent> {
    return defer(() => {
      const subscriptions = new Subscriptions();
      const { pubsub } = this;
      return merge(
        pubsub.observe(BROADCAST, subscriptions.next()).pipe(
          filter(({ data }) => isNotification(data)),
          map(({ data }) => ({ type: 'notification', data: data as Notification })),
        ),
        pubsub.observePattern(POST_EVENTS, subscriptions.next()).pipe(
          filter(({ data }) => isPostChange(data)),
          map(toPostEvent),
        ),
        pubsub
          .observeEvents(userChannel(userId), { lastEventId, ...subscriptions.next() })
          .pipe(concatMap(toUserEvent)),
        this.#streamStatus(subscriptions.areComplete),
        this.presence.changes,
        this.traffic.of(userId),
        this.#heartbeat,
      ).pipe(keepEventId(lastEventId), takeUntil(merge(this.#closing, timer(expiresAt))));
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

/** Any client of Redis can publish any payload; a page receives only valid ones. */
function toUserEvent(event: MessageEvent): readonly MessageEvent[] {
  const { type, data } = event;
  if (type === 'resync') return [event];
  if (isNotificationsRead(data)) return [{ ...event, type: 'read' }];
  return isNotification(data) ? [{ ...event, type: 'notification' }] : [];
}

/** The page loads the post, because what it shows depends on the user. */
function toPostEvent({ data }: PubSubMessage): MessageEvent {
  const { postId } = data as { readonly postId: string };
  return { type: 'post', data: { postId } };
}
