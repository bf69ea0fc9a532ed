import type { CanActivate, Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  assertAsyncOptions,
  assertOptions,
  resolvePageOptions,
  resolveRoute,
} from '../../../src/inspector/inspector-options.js';

class OpenGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const refusal = (message: string): object =>
  expect.objectContaining({
    code: 'ERR_PUBSUB_INVALID_OPTION',
    message: expect.stringContaining(message) as string,
  });

describe('resolveRoute', () => {
  it('takes a guard as a class, as an object, and several', () => {
    const guard = new OpenGuard();
    expect(resolveRoute({ guard: OpenGuard })).toEqual({ route: '/pubsub', guards: [OpenGuard] });
    expect(resolveRoute({ guard }).guards).toEqual([guard]);
    expect(resolveRoute({ guard: [OpenGuard, guard] }).guards).toEqual([OpenGuard, guard]);
    expect(resolveRoute({ guard: { canActivate: () => true } }).guards).toHaveLength(1);
  });

  it('takes a subclass of a guard, as AuthGuard() of Passport returns one', () => {
    class Derived extends OpenGuard {}
    expect(resolveRoute({ guard: Derived }).guards).toEqual([Derived]);
  });

  it('has no guard only where "guard" is false', () => {
    expect(resolveRoute({ guard: false }).guards).toEqual([]);
  });

  it.each([undefined, null, true, 0, '', 'AdminGuard', [], [false], [OpenGuard, undefined], {}])(
    'refuses %j as a guard',
    (guard) => {
      expect(() => resolveRoute({ guard: guard as never })).toThrow(
        refusal(
          'Expected "guard" to be a guard of Nest (a class or an object with "canActivate"), an array of them, or false for a page that everyone who reaches the application may read, got',
        ),
      );
    },
  );

  it('refuses a class and a function that are no guards', () => {
    class NoGuard {}
    for (const guard of [NoGuard, () => true]) {
      expect(() => resolveRoute({ guard: guard as never })).toThrow(refusal('a function'));
    }
  });

  it.each([
    ['/pubsub', '/pubsub'],
    ['admin/pubsub', '/admin/pubsub'],
    ['/a-b/c.d~e_f', '/a-b/c.d~e_f'],
  ])('takes the route %j', (route, resolved) => {
    expect(resolveRoute({ route, guard: false }).route).toBe(resolved);
  });

  it.each(['', '/', 'a/', '/:id', '/a*', '/a b', '//a', '/a?b', 1, null, ['/a']])(
    'refuses the route %j',
    (route) => {
      expect(() => resolveRoute({ route: route as never, guard: false })).toThrow(
        refusal('Expected "route" to be a path without parameters, such as "/pubsub", got'),
      );
    },
  );
});

describe('resolvePageOptions', () => {
  it('has defaults, without messages', () => {
    expect(resolvePageOptions({})).toEqual({ messages: false, refreshInterval: 2000 });
    const given = { messages: true, refreshInterval: 500 };
    expect(resolvePageOptions(given)).toEqual(given);
  });

  it.each([
    [null, 'Expected "options" to be an object, got null'],
    [{ message: true }, 'Unknown option "message": did you mean "messages"?'],
    [{ messages: 'yes' }, 'Expected "messages" to be true or false'],
    [{ refreshInterval: 499 }, 'Expected "refreshInterval" to be milliseconds from 500'],
    [{ refreshInterval: '2s' }, 'Expected "refreshInterval" to be milliseconds from 500'],
    [{ route: '/a' }, 'Unknown option "route"'],
  ])('refuses %j', (options, message) => {
    expect(() => resolvePageOptions(options as never)).toThrow(refusal(message));
  });
});

describe('the names of options', () => {
  it('are those of each method', () => {
    const route = { route: '/a', guard: false, imports: [] as Type[] } as const;
    expect(() => assertOptions({ ...route, messages: true, refreshInterval: 500 })).not.toThrow();
    expect(() =>
      assertAsyncOptions({ ...route, useFactory: () => ({}), inject: [] }),
    ).not.toThrow();
    expect(() => assertOptions({ guards: false } as never)).toThrow(
      refusal('Unknown option "guards": did you mean "guard"?'),
    );
    expect(() => assertAsyncOptions({ ...route, messages: true } as never)).toThrow(
      refusal('Unknown option "messages"'),
    );
    expect(() => assertOptions(undefined as never)).toThrow(refusal('an object, got undefined'));
  });
});
