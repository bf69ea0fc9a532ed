import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Responder } from '../../../../src/transport/server/responder.js';
import { PendingReplies } from '../../../../src/transport/server/pending-replies.js';

describe('the requests that are being answered', () => {
  /** Answers a request, and counts how often it is looked at and cancelled. */
  class Watched extends Responder {
    looks = 0;
    cancellations = 0;

    static create(id: number | string, replyTo = 'inbox'): Watched {
      const request = { id, replyTo, kind: 'channel' } as const;
      const watched: Watched = new Watched(
        undefined as never,
        undefined as never,
        undefined,
        new Proxy(request, {
          get: (target, name) => {
            if (name === 'id') watched.looks++;
            return Reflect.get(target, name) as unknown;
          },
        }),
      );
      return watched;
    }

    override cancel(): void {
      this.cancellations++;
    }
  }

  const run = (...running: Watched[]): PendingReplies => {
    const responders = new PendingReplies({} as never);
    for (const it of running) responders.add(it);
    return responders;
  };

  it('are cancelled by their id and where the replies go', async () => {
    const wanted = Watched.create('a');
    const others = [Watched.create('b'), Watched.create('a', 'other'), Watched.create(1)];
    const responders = run(wanted, ...others);
    responders.cancel({ id: 'a', replyTo: 'inbox' });
    responders.cancel({ id: '1', replyTo: 'inbox' });
    await setImmediate();
    expect(wanted.cancellations).toBe(1);
    expect(others.map((it) => it.cancellations)).toEqual([0, 0, 0]);
  });

  it('are found however many others have begun and ended', async () => {
    const all = Array.from({ length: 20 }, (_, id) => Watched.create(id));
    const responders = run(...all);
    const ended = [19, 0, 7, 18, 1, 12].map((id) => all[id] as Watched);
    for (const it of ended) responders.remove(it);
    const late = Watched.create(20);
    responders.add(late);
    for (let id = 0; id <= 20; id++) responders.cancel({ id, replyTo: 'inbox' });
    await setImmediate();
    const running = [...all, late];
    expect(running.map((it) => it.cancellations)).toEqual(
      running.map((it) => (ended.includes(it) ? 0 : 1)),
    );
  });

  it('are all cancelled where somebody asked twice with one id, and none that has ended', async () => {
    const ended = Watched.create(7);
    const running = [Watched.create(7), Watched.create(7)];
    const responders = run(ended, ...running);
    responders.remove(ended);
    responders.cancel({ id: 7, replyTo: 'inbox' });
    await setImmediate();
    expect([ended, ...running].map((it) => it.cancellations)).toEqual([0, 1, 1]);
  });

  it('are each looked at once, however many are cancelled in a tick', async () => {
    const running = Array.from({ length: 100 }, (_, id) => Watched.create(id));
    const responders = run(...running);
    for (let id = 50; id < 150; id++) responders.cancel({ id, replyTo: 'inbox' });
    await setImmediate();
    expect(running.map((it) => it.looks)).toEqual(running.map(() => 1));
    expect(running.map((it) => it.cancellations)).toEqual(running.map((_, i) => (i < 50 ? 0 : 1)));
  });

  it.each([
    {},
    { id: 7 },
    { replyTo: 'inbox' },
    { id: {}, replyTo: 'inbox' },
    { id: 7, replyTo: 7 },
  ])('are not cancelled by %j', async (packet) => {
    const running = Watched.create(7);
    run(running).cancel(packet);
    await setImmediate();
    expect(running.cancellations).toBe(0);
  });
});
