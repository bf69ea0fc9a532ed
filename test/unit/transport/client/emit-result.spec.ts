import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { EmitResult } from '../../../../src/transport/client/emit-result.js';

/** What an observer has seen so far. */
function observe(emission: Observable<number>) {
  const seen: unknown[] = [];
  const subscription = emission.subscribe({
    next: (value) => seen.push(value),
    error: (error: unknown) => seen.push(error),
    complete: () => seen.push('complete'),
  });
  return { seen, subscription };
}

/** A promise to be settled by hand. */
function deferred() {
  let resolve!: (receivers: number) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<number>((...functions) => {
    [resolve, reject] = functions;
  });
  return { promise, resolve, reject };
}

const failure = new Error('refused');

describe('an emission', () => {
  it('gives its value to everyone who subscribed in time', async () => {
    const published = deferred();
    const emission = new EmitResult(published.promise, vi.fn<(error: unknown) => void>());
    const [one, other] = [observe(emission), observe(emission)];
    expect(one.seen).toEqual([]);
    published.resolve(3);
    await published.promise;
    expect(one.seen).toEqual([3, 'complete']);
    expect(other.seen).toEqual([3, 'complete']);
  });

  it('works as a promise of one value', async () => {
    const emission = new EmitResult(Promise.resolve(2), vi.fn<(error: unknown) => void>());
    expect(await Promise.all([firstValueFrom(emission), lastValueFrom(emission)])).toEqual([2, 2]);
  });

  it('is not replayed to a late subscriber, who sees that it is over', async () => {
    const published = Promise.resolve(3);
    const emission = new EmitResult(published, vi.fn<(error: unknown) => void>());
    await published;
    expect(observe(emission).seen).toEqual(['complete']);
  });

  it('shows its failure to a late subscriber', async () => {
    const emission = new EmitResult(Promise.reject(failure), vi.fn<(error: unknown) => void>());
    await vi.waitFor(() => expect(observe(emission).seen).toEqual([failure]));
  });

  it('shows its failure to everyone, and then reports it to no one else', async () => {
    const published = deferred();
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const emission = new EmitResult(published.promise, onUnobserved);
    const [one, other] = [observe(emission), observe(emission)];
    published.reject(failure);
    await vi.waitFor(() => expect(one.seen).toEqual([failure]));
    expect(other.seen).toEqual([failure]);
    expect(onUnobserved).not.toHaveBeenCalled();
  });

  it('reports a failure once that nobody subscribed to see', async () => {
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const emission = new EmitResult(Promise.reject(failure), onUnobserved);
    await vi.waitFor(() => expect(onUnobserved).toHaveBeenCalled());
    observe(emission);
    expect(onUnobserved.mock.calls).toEqual([[failure]]);
  });

  it('reports a failure when its only observer has unsubscribed', async () => {
    const published = deferred();
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const { seen, subscription } = observe(new EmitResult(published.promise, onUnobserved));
    subscription.unsubscribe();
    published.reject(failure);
    await vi.waitFor(() => expect(onUnobserved.mock.calls).toEqual([[failure]]));
    expect(seen).toEqual([]);
  });

  it('shows nothing to an observer that has unsubscribed', async () => {
    const published = deferred();
    const emission = new EmitResult(published.promise, vi.fn<(error: unknown) => void>());
    const [gone, here] = [observe(emission), observe(emission)];
    gone.subscription.unsubscribe();
    published.resolve(1);
    await published.promise;
    expect(gone.seen).toEqual([]);
    expect(here.seen).toEqual([1, 'complete']);
  });
});
