import { Injectable, type MessageEvent } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { distinctUntilChanged, exhaustMap, filter, map, ReplaySubject, share, timer } from 'rxjs';
import { userChannel } from '../contract/channels.js';
import { DEMO_USERS } from '../contract/demo-users.js';

/** Interval at which each instance queries Redis, in milliseconds, for any number of streams. */
const POLL_INTERVAL_MS = 1_000;

/** The users with an open stream on any instance: their channel has a subscriber. */
@Injectable()
export class Presence {
  /** Emits the current value and each change. Redis is queried only while there is an observer. */
  readonly changes = timer(0, POLL_INTERVAL_MS).pipe(
    // During an outage of Redis the last known value stays.
    exhaustMap(() => this.#online().catch(() => undefined)),
    filter((online) => online !== undefined),
    distinctUntilChanged((before, now) => before.join() === now.join()),
    map((online): MessageEvent => ({ type: 'presence', data: { online } })),
    share({ connector: () => new ReplaySubject(1) }),
  );

  constructor(private readonly pubsub: RedisPubSubService) {}

  async #online(): Promise<string[]> {
    const channels = DEMO_USERS.map(({ id }) => userChannel(id));
    const counts = await this.pubsub.subscriberCounts(...channels);
    return DEMO_USERS.map(({ id }) => id).filter((id) => (counts[userChannel(id)] ?? 0) > 0);
  }
}
