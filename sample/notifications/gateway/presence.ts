import { Injectable, type MessageEvent } from '@nestjs/common';
import { RedisPubSubService } from 'nestjs-redis-pubsub';
import { distinctUntilChanged, exhaustMap, filter, map, ReplaySubject, share, timer } from 'rxjs';
import { userChannel } from '../contract/channels.js';
import { DEMO_USERS } from '../contract/demo-users.js';

/** How often Redis is asked, in milliseconds; by each instance once, however many streams there are. */
const INTERVAL = 1_000;

/** Who has a stream open, on any instance: whose channel has a subscriber. */
@Injectable()
export class Presence {
  /** At first and whenever it changes. Redis is asked only while somebody listens. */
  readonly changes = timer(0, INTERVAL).pipe(
    // While Redis is away nobody knows; what was last known stays.
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
