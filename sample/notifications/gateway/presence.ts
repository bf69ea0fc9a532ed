import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  Injectable,
  type MessageEvent,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { RedisPubSubClient, RedisPubSubService, type TelemetryEvents } from 'nestjs-redis-pubsub';
import {
  bufferTime,
  concatMap,
  defer,
  distinctUntilChanged,
  filter,
  interval,
  map,
  merge,
  ReplaySubject,
  share,
  Subject,
} from 'rxjs';
import { PRESENCE, userChannel, userOfChannel } from '../contract/channels.js';
import { DEMO_USERS } from '../contract/demo-users.js';

/** Time in which changes are collected, in milliseconds. */
const COLLECT_MS = 100;
/** Interval at which the users that are online are asked for, since a gateway that is killed reports nothing. */
const CHECK_INTERVAL_MS = 10_000;
/** The users that the pages list. No other is asked for. */
const SHOWN = DEMO_USERS.map(({ id }) => id);

type Change = TelemetryEvents['subscribe'] | TelemetryEvents['unsubscribe'];

/**
 * The users with an open stream on any instance: their channel has a subscriber. Each gateway reports the channels that
 * it subscribes to and unsubscribes from, so that Redis is asked for these users only.
 */
@Injectable()
export class Presence implements OnModuleInit, OnModuleDestroy {
  readonly #online = new Set<string>();
  readonly #own = new Subject<string>();

  /** Emits the current value and each change. Redis is queried only while there is an observer. */
  readonly changes = defer(() => merge(this.#changed(), this.#mayBeGone())).pipe(
    // During an outage of Redis the last known value stays; after it, all users are asked for.
    concatMap((ids) => this.#ask(ids).catch(() => false)),
    filter((isAnswered) => isAnswered),
    map(() => SHOWN.filter((id) => this.#online.has(id))),
    distinctUntilChanged((before, now) => before.join() === now.join()),
    map((online): MessageEvent => ({ type: 'presence', data: { online } })),
    share({ connector: () => new ReplaySubject(1) }),
  );

  constructor(
    private readonly pubsub: RedisPubSubService,
    private readonly client: RedisPubSubClient,
  ) {
    this.#own
      .pipe(
        bufferTime(COLLECT_MS),
        filter((ids) => ids.length > 0),
      )
      .subscribe((userIds) => this.client.emit(PRESENCE, { userIds }));
  }

  onModuleInit(): void {
    subscribe('nestjs-redis-pubsub:subscribe', this.#report);
    subscribe('nestjs-redis-pubsub:unsubscribe', this.#report);
  }

  onModuleDestroy(): void {
    unsubscribe('nestjs-redis-pubsub:subscribe', this.#report);
    unsubscribe('nestjs-redis-pubsub:unsubscribe', this.#report);
    this.#own.complete();
  }

  /** Called by the telemetry of the library. */
  readonly #report = (event: unknown): void => {
    const change = event as Change;
    const id = userOfChannel(change.name);
    // After an outage, each gateway asks for all users anyway.
    const isRestored = 'gap' in change && change.gap !== undefined;
    if (id !== undefined && SHOWN.includes(id) && !isRestored) this.#own.next(id);
  };

  /** All users after an acknowledgement of Redis, then those that a gateway reports. */
  #changed() {
    const all = new Subject<readonly string[]>();
    const onSubscribed = () => all.next(SHOWN);
    return merge(
      all,
      this.pubsub.observe(PRESENCE, { onSubscribed }).pipe(map(({ data }) => shownIn(data))),
    );
  }

  #mayBeGone() {
    return interval(CHECK_INTERVAL_MS).pipe(map(() => [...this.#online]));
  }

  async #ask(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return false;
    const counts = await this.pubsub.subscriberCounts(ids.map(userChannel));
    for (const id of ids) {
      if ((counts[userChannel(id)] ?? 0) > 0) this.#online.add(id);
      else this.#online.delete(id);
    }
    return true;
  }
}

/** The shown users that a report names. Any client of Redis can publish any payload. */
function shownIn(data: unknown): readonly string[] {
  const { userIds } = (data ?? {}) as { readonly userIds?: unknown };
  return Array.isArray(userIds) ? SHOWN.filter((id) => userIds.includes(id)) : [];
}
