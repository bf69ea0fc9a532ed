import { describe, expect, it } from 'vitest';
import type { HandlerRoute } from '../../../../src/transport/server/handler-route.js';
import { HandlerRoutes } from '../../../../src/transport/server/handler-routes.js';

/** A route without a handler. */
const routeOf = (source: string, { isEventHandler = false, kind = 'channel' } = {}) => {
  const route = {
    pattern: { source },
    key: { kind, name: source },
    isEventHandler,
    isListening: false,
    closes: 0,
    close: () => void route.closes++,
  };
  return route;
};
type FakeRoute = ReturnType<typeof routeOf>;

function bench(...added: FakeRoute[]) {
  const routes = new HandlerRoutes();
  const replaced = added.map((route) => routes.add(route as unknown as HandlerRoute));
  return { routes, replaced, all: () => [...routes] as unknown as FakeRoute[] };
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

  it('has as fresh those that are not subscribed yet', () => {
    const [first, second] = [routeOf('a'), routeOf('b')];
    const { routes } = bench(first, second);
    first.isListening = true;
    expect(routes.fresh).toEqual([second]);
  });
});
