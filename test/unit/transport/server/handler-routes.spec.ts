import { describe, expect, it } from 'vitest';
import type { HandlerRoute } from '../../../../src/transport/server/handler-route.js';
import { HandlerRoutes } from '../../../../src/transport/server/handler-routes.js';

/** A route without a handler. */
const routeOf = (source: string, { isEventHandler = false, kind = 'channel' } = {}) => {
  const route = {
    pattern: { source },
    key: { kind, name: source },
    isEventHandler,
    closes: 0,
    drops: 0,
    close: () => void route.closes++,
    dropWaiting: () => void route.drops++,
  };
  return route;
};
type FakeRoute = ReturnType<typeof routeOf>;

function bench(...added: FakeRoute[]) {
  const routes = new HandlerRoutes();
  const replaced = added.map((route) => routes.add(route as unknown as HandlerRoute));
  return { routes, replaced, all: () => routes.takeFresh() as unknown as FakeRoute[] };
}

describe('HandlerRoutes', () => {
  it('keeps the last of several request handlers, and closes the others', () => {
    const [first, second] = [routeOf('a'), routeOf('a')];
    const { replaced, all } = bench(first, second);
    expect([replaced, all()]).toEqual([[false, true], [second]]);
    expect([first.closes, second.closes]).toEqual([1, 0]);
  });

  it.each([
    ['of other patterns', routeOf('a'), routeOf('b')],
    ['of two kinds of channels', routeOf('a'), routeOf('a', { kind: 'shard' })],
    ['of events', routeOf('a', { isEventHandler: true }), routeOf('a', { isEventHandler: true })],
    ['of an event and a request', routeOf('a', { isEventHandler: true }), routeOf('a')],
    ['of a request and an event', routeOf('a'), routeOf('a', { isEventHandler: true })],
  ])('keeps two handlers %s', (_, first, second) => {
    const { replaced, all } = bench(first, second);
    expect([replaced, all()]).toEqual([
      [false, false],
      [first, second],
    ]);
  });

  it('returns each handler once, and all of them again after a close', () => {
    const [first, second] = [routeOf('a'), routeOf('b')];
    const { routes, all } = bench(first, second);
    expect([routes.hasFresh, all(), routes.hasFresh, all()]).toEqual([
      true,
      [first, second],
      false,
      [],
    ]);
    routes.close();
    expect([first, second].map(({ closes, drops }) => [closes, drops])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(all()).toEqual([first, second]);
  });
});
