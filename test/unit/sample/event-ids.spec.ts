import type { MessageEvent } from '@nestjs/common';
import { from, map, toArray, lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { keepEventId } from '../../../sample/notifications/gateway/event-ids.js';

const idsOf = (events: readonly MessageEvent[], lastEventId?: string) =>
  lastValueFrom(
    from(events).pipe(
      keepEventId(lastEventId),
      map(({ id }) => id),
      toArray(),
    ),
  );

const heartbeat: MessageEvent = { type: 'heartbeat', data: {} };

describe('the ids of a stream', () => {
  it('are those of the events before, for events without one', async () => {
    const events = [
      { data: 'a', id: 'A' },
      heartbeat,
      { data: 'b', id: 'B' },
      heartbeat,
      heartbeat,
    ];
    expect(await idsOf(events)).toEqual(['A', 'A', 'B', 'B', 'B']);
  });

  it('begin with the one that the browser sent', async () => {
    expect(await idsOf([heartbeat, { data: 'b', id: 'B' }], 'A')).toEqual(['A', 'B']);
  });

  it('are left to Nest before the first, and after a resync without one', async () => {
    expect(await idsOf([heartbeat])).toEqual([undefined]);
    const resync = { type: 'resync', data: {} };
    expect(await idsOf([resync, heartbeat, { ...resync, id: 'B' }, heartbeat], 'A')).toEqual([
      undefined,
      undefined,
      'B',
      'B',
    ]);
  });

  it('do not change an event that several streams share', async () => {
    const shared = Object.freeze({ ...heartbeat });
    expect(await idsOf([{ data: 'a', id: 'A' }, shared])).toEqual(['A', 'A']);
    expect(shared).toEqual(heartbeat);
  });

  it('belong to one stream each', async () => {
    const operator = keepEventId();
    const idOf = (event: MessageEvent) => lastValueFrom(from([event]).pipe(operator));
    expect(await idOf({ data: 'a', id: 'A' })).toMatchObject({ id: 'A' });
    expect((await idOf(heartbeat)).id).toBeUndefined();
  });
});
