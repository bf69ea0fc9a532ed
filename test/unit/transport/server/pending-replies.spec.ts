import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Responder } from '../../../../src/transport/server/responder.js';
import { PendingReplies } from '../../../../src/transport/server/pending-replies.js';

describe('PendingReplies', () => {
  /** A responder that counts its cancellations and the reads of its id. */
  class CountingResponder extends Responder {
    reads = 0;
    cancellations = 0;

    static create(id: number | string, replyTo = 'inbox'): CountingResponder {
      const request = { id, replyTo, kind: 'channel' } as const;
      const responder: CountingResponder = new CountingResponder(
        undefined as never,
        undefined as never,
        undefined,
        new Proxy(request, {
          get: (of, name) => {
            if (name === 'id') responder.reads++;
            return Reflect.get(of, name) as unknown;
          },
        }),
      );
      return responder;
    }

    override cancel(): void {
      this.cancellations++;
    }
  }

  const run = (...running: CountingResponder[]): PendingReplies => {
    const replies = new PendingReplies({} as never);
    for (const it of running) replies.add(it);
    return replies;
  };

  it('cancels the request with the id and the replyTo', async () => {
    const target = CountingResponder.create('a');
    const others = [
      CountingResponder.create('b'),
      CountingResponder.create('a', 'other'),
      CountingResponder.create(1),
    ];
    const replies = run(target, ...others);
    replies.cancel({ id: 'a', replyTo: 'inbox' });
    replies.cancel({ id: '1', replyTo: 'inbox' });
    await setImmediate();
    expect(target.cancellations).toBe(1);
    expect(others.map((it) => it.cancellations)).toEqual([0, 0, 0]);
  });

  it('finds each request, however many others have begun and ended', async () => {
    const all = Array.from({ length: 20 }, (_, id) => CountingResponder.create(id));
    const replies = run(...all);
    const ended = [19, 0, 7, 18, 1, 12].map((id) => all[id] as CountingResponder);
    for (const it of ended) replies.remove(it);
    const late = CountingResponder.create(20);
    replies.add(late);
    for (let id = 0; id <= 20; id++) replies.cancel({ id, replyTo: 'inbox' });
    await setImmediate();
    const running = [...all, late];
    expect(running.map((it) => it.cancellations)).toEqual(
      running.map((it) => (ended.includes(it) ? 0 : 1)),
    );
  });

  it('cancels every request with the same id, and none that has ended', async () => {
    const ended = CountingResponder.create(7);
    const running = [CountingResponder.create(7), CountingResponder.create(7)];
    const replies = run(ended, ...running);
    replies.remove(ended);
    replies.cancel({ id: 7, replyTo: 'inbox' });
    await setImmediate();
    expect([ended, ...running].map((it) => it.cancellations)).toEqual([0, 1, 1]);
  });

  it('reads each id once, however many requests are cancelled in a tick', async () => {
    const running = Array.from({ length: 100 }, (_, id) => CountingResponder.create(id));
    const replies = run(...running);
    for (let id = 50; id < 150; id++) replies.cancel({ id, replyTo: 'inbox' });
    await setImmediate();
    expect(running.map((it) => it.reads)).toEqual(running.map(() => 1));
    expect(running.map((it) => it.cancellations)).toEqual(running.map((_, i) => (i < 50 ? 0 : 1)));
  });

  it.each([
    {},
    { id: 7 },
    { replyTo: 'inbox' },
    { id: {}, replyTo: 'inbox' },
    { id: 7, replyTo: 7 },
  ])('cancels nothing for %j', async (packet) => {
    const running = CountingResponder.create(7);
    run(running).cancel(packet);
    await setImmediate();
    expect(running.cancellations).toBe(0);
  });
});
