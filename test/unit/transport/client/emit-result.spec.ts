import { firstValueFrom, lastValueFrom, type Observable } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { EmitResult } from '../../../../src/transport/client/emit-result.js';

/** The notifications that an observer has received. */
function observe(result: Observable<number>) {
  const seen: unknown[] = [];
  const subscription = result.subscribe({
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

describe('EmitResult', () => {
  it('emits its value to each observer that subscribed before', async () => {
    const published = deferred();
    const result = new EmitResult(published.promise, vi.fn<(error: unknown) => void>());
    const [one, other] = [observe(result), observe(result)];
    expect(one.seen).toEqual([]);
    published.resolve(3);
    await published.promise;
    expect(one.seen).toEqual([3, 'complete']);
    expect(other.seen).toEqual([3, 'complete']);
  });

  it('emits one value for firstValueFrom and lastValueFrom', async () => {
    const result = new EmitResult(Promise.resolve(2), vi.fn<(error: unknown) => void>());
    expect(await Promise.all([firstValueFrom(result), lastValueFrom(result)])).toEqual([2, 2]);
  });

  it('completes without a value for a late observer', async () => {
    const published = Promise.resolve(3);
    const result = new EmitResult(published, vi.fn<(error: unknown) => void>());
    await published;
    expect(observe(result).seen).toEqual(['complete']);
  });

  it('fails with its error for a late observer', async () => {
    const result = new EmitResult(Promise.reject(failure), vi.fn<(error: unknown) => void>());
    await vi.waitFor(() => expect(observe(result).seen).toEqual([failure]));
  });

  it('fails with its error for each observer, and does not report it', async () => {
    const published = deferred();
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const result = new EmitResult(published.promise, onUnobserved);
    const [one, other] = [observe(result), observe(result)];
    published.reject(failure);
    await vi.waitFor(() => expect(one.seen).toEqual([failure]));
    expect(other.seen).toEqual([failure]);
    expect(onUnobserved).not.toHaveBeenCalled();
  });

  it('reports an error once when it has no observer', async () => {
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const result = new EmitResult(Promise.reject(failure), onUnobserved);
    await vi.waitFor(() => expect(onUnobserved).toHaveBeenCalled());
    observe(result);
    expect(onUnobserved.mock.calls).toEqual([[failure]]);
  });

  it('reports an error when its only observer has unsubscribed', async () => {
    const published = deferred();
    const onUnobserved = vi.fn<(error: unknown) => void>();
    const { seen, subscription } = observe(new EmitResult(published.promise, onUnobserved));
    subscription.unsubscribe();
    published.reject(failure);
    await vi.waitFor(() => expect(onUnobserved.mock.calls).toEqual([[failure]]));
    expect(seen).toEqual([]);
  });

  it('emits nothing to an observer that has unsubscribed', async () => {
    const published = deferred();
    const result = new EmitResult(published.promise, vi.fn<(error: unknown) => void>());
    const [gone, here] = [observe(result), observe(result)];
    gone.subscription.unsubscribe();
    published.resolve(1);
    await published.promise;
    expect(gone.seen).toEqual([]);
    expect(here.seen).toEqual([1, 'complete']);
  });
});
