import { config, firstValueFrom, Observable, Subject, Subscription, type Observer } from 'rxjs';
import { map, take } from 'rxjs/operators';
import { afterEach, describe, expect, it } from 'vitest';
import { LeanObservable } from '../../../src/module/lean-observable.js';

/** A source that a test controls, and what it and its consumer saw. */
class Source {
  readonly seen: unknown[] = [];
  readonly destinations: Observer<number>[] = [];

  start = (destination: Observer<number>) => {
    this.destinations.push(destination);
    return { unsubscribe: () => void this.seen.push('stopped') };
  };

  get destination(): Observer<number> {
    const destination = this.destinations.at(-1);
    if (!destination) throw new Error('Expected a subscription');
    return destination;
  }

  get callbacks(): Observer<number> {
    return {
      next: (value) => this.seen.push(['next', value]),
      error: (error) => this.seen.push(['error', error]),
      complete: () => this.seen.push('complete'),
    };
  }
}

/** The errors that RxJS reports as not handled. */
function unhandledErrors(): unknown[] {
  const errors: unknown[] = [];
  config.onUnhandledError = (error) => errors.push(error);
  return errors;
}

describe.each([
  ['LeanObservable', LeanObservable<number>],
  ['the Observable of RxJS, which it must equal,', Observable<number>],
])('%s', (_, Type) => {
  afterEach(() => {
    config.onUnhandledError = null;
  });

  const create = () => {
    const source = new Source();
    return { source, values$: new Type(source.start) };
  };

  it('calls one callback, until it is unsubscribed', () => {
    const { source, values$ } = create();
    const subscription = values$.subscribe((value) => source.seen.push(value));
    expect(subscription).toBeInstanceOf(Subscription);
    source.destination.next(1);
    expect(subscription.closed).toBe(false);
    subscription.unsubscribe();
    subscription.unsubscribe();
    source.destination.next(2);
    source.destination.complete();
    expect([source.seen, subscription.closed]).toEqual([[1, 'stopped'], true]);
  });

  it.each(['complete', 'error'] as const)('calls none after %s', (end) => {
    const { source, values$ } = create();
    const subscription = values$.subscribe(source.callbacks);
    source.destination.next(1);
    source.destination[end]('why');
    source.destination.next(2);
    source.destination.complete();
    source.destination.error('again');
    const last = end === 'error' ? ['error', 'why'] : 'complete';
    expect([source.seen, subscription.closed]).toEqual([[['next', 1], last, 'stopped'], true]);
  });

  it('starts for each subscriber, with no callback, too', () => {
    const { source, values$ } = create();
    values$.subscribe();
    values$.subscribe({});
    for (const destination of source.destinations) {
      destination.next(1);
      destination.complete();
    }
    expect(source.seen).toEqual(['stopped', 'stopped']);
  });

  it('takes the callbacks one by one', () => {
    const { source, values$ } = create();
    const { next, error, complete } = source.callbacks;
    values$.subscribe(next, error, complete);
    source.destination.next(1);
    source.destination.complete();
    expect(source.seen).toEqual([['next', 1], 'complete', 'stopped']);
  });

  it('calls methods of an observer as such', () => {
    const { source, values$ } = create();
    class Sum {
      total = 0;
      next(value: number): void {
        this.total += value;
      }
    }
    const sum = new Sum();
    values$.subscribe(sum);
    source.destination.next(1);
    source.destination.next(2);
    expect(sum.total).toBe(3);
  });

  it.each([
    ['next', 1],
    ['error', 'why'],
    ['complete', undefined],
  ] as const)('reports what %s throws in a later tick', async (name, value) => {
    const errors = unhandledErrors();
    const { source, values$ } = create();
    const thrown = new Error('thrown');
    const subscription = values$.subscribe({
      [name]: () => {
        throw thrown;
      },
    });
    source.destination[name](value as never);
    expect([errors, subscription.closed]).toEqual([[], name !== 'next']);
    await expect.poll(() => errors).toEqual([thrown]);
  });

  it('reports an error without a callback for it in a later tick', async () => {
    const errors = unhandledErrors();
    const { source, values$ } = create();
    values$.subscribe(() => undefined);
    source.destination.error('why');
    expect(errors).toEqual([]);
    await expect.poll(() => errors).toEqual(['why']);
    expect(source.seen).toEqual(['stopped']);
  });

  it('passes an error of the start on', () => {
    const seen: unknown[] = [];
    const refused = new Error('refused');
    const values$ = new Type(() => {
      throw refused;
    });
    values$.subscribe({ error: (error) => seen.push(error) });
    expect(seen).toEqual([refused]);
  });

  it('stops what ended during its start', () => {
    const source = new Source();
    const values$ = new Type((destination) => {
      destination.complete();
      return source.start(destination);
    });
    values$.subscribe(source.callbacks);
    expect(source.seen).toEqual(['complete', 'stopped']);
  });

  it('may be unsubscribed by its own callback', () => {
    const { source, values$ } = create();
    const subscription = values$.subscribe((value) => {
      source.seen.push(value);
      subscription.unsubscribe();
    });
    source.destination.next(1);
    source.destination.next(2);
    expect(source.seen).toEqual([1, 'stopped']);
  });

  it('is part of other subscriptions, and has parts', () => {
    const { source, values$ } = create();
    const all = new Subscription();
    const subscription = values$.subscribe((value) => source.seen.push(value));
    subscription.add(() => source.seen.push('part'));
    all.add(subscription);
    all.unsubscribe();
    expect([source.seen, subscription.closed]).toEqual([['stopped', 'part'], true]);
    subscription.add(() => source.seen.push('late part'));
    expect(source.seen.at(-1)).toBe('late part');
  });

  it('works with operators, promises and subjects', async () => {
    const { source, values$ } = create();
    const first = firstValueFrom(values$.pipe(map((value) => value * 2)));
    source.destination.next(1);
    await expect(first).resolves.toBe(2);
    values$.pipe(take(1)).subscribe(source.callbacks);
    source.destination.next(3);
    const subject = new Subject<number>();
    subject.subscribe((value) => source.seen.push(['subject', value]));
    values$.subscribe(subject);
    source.destination.next(4);
    expect(source.seen).toEqual(['stopped', ['next', 3], 'complete', 'stopped', ['subject', 4]]);
  });
});
