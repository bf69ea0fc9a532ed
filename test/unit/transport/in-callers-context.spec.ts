import { AsyncLocalStorage } from 'node:async_hooks';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { inCallersContext } from '../../../src/transport/in-callers-context.js';

describe('inCallersContext', () => {
  const storage = new AsyncLocalStorage<string>();

  it.each([
    ['complete', (source$: Subject<number>) => source$.complete()],
    ['error', (source$: Subject<number>) => source$.error(new Error('no'))],
  ])('calls next and %s in the context of each subscriber', (end, endIt) => {
    const source$ = new Subject<number>();
    const calls: string[] = [];
    const record = (call: string) => (): void => void calls.push(`${storage.getStore()} ${call}`);
    for (const name of ['a', 'b']) {
      storage.run(name, () =>
        inCallersContext(source$).subscribe({
          next: record('next'),
          error: record('error'),
          complete: record('complete'),
        }),
      );
    }
    storage.run('source', () => {
      source$.next(1);
      endIt(source$);
    });
    expect(calls).toEqual(['a next', 'b next', `a ${end}`, `b ${end}`]);
  });

  it('unsubscribes from its source', () => {
    const source$ = new Subject<number>();
    inCallersContext(source$).subscribe().unsubscribe();
    expect(source$.observed).toBe(false);
  });
});
