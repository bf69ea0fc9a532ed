import * as fc from 'fast-check';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import {
  ProcessingHooks,
  type StartHook,
} from '../../../../src/transport/server/processing-hooks.js';
import type { RedisPubSubContext } from '../../../../src/transport/redis-pubsub.context.js';

/** What a start hook does with its message. */
const BEHAVIOURS = [
  'returns done',
  'awaits done',
  'calls done twice',
  'calls done and returns',
  'skips',
  'throws before done',
  'rejects before done',
  'throws after done',
  'rejects after done',
] as const;

type Behaviour = (typeof BEHAVIOURS)[number];

const behaviours = fc.array(fc.constantFrom(...BEHAVIOURS), { maxLength: 5 });
const context = {} as RedisPubSubContext;
const storage = new AsyncLocalStorage<readonly number[]>();

/** What happens, as the names of the hooks and of the handler, in their order. */
type Log = string[];

function hookOf(behaviour: Behaviour, index: number, log: Log): StartHook {
  const run = async (done: () => Promise<void>): Promise<void> => {
    if (behaviour === 'rejects before done') throw new Error(behaviour);
    await done();
    if (behaviour === 'calls done twice') await done();
    if (behaviour === 'rejects after done') throw new Error(behaviour);
  };
  return (_, done) => {
    log.push(`start ${index} in ${storage.getStore()?.join() ?? ''}`);
    return storage.run([...(storage.getStore() ?? []), index], () => {
      if (behaviour === 'skips') return undefined;
      if (behaviour === 'throws before done') throw new Error(behaviour);
      if (behaviour === 'returns done') return done();
      if (behaviour === 'calls done and returns' || behaviour === 'throws after done') {
        void done();
        if (behaviour === 'throws after done') throw new Error(behaviour);
        return undefined;
      }
      return run(done);
    });
  };
}

/** What must happen: the log, and how many errors are reported. */
function expected(all: readonly Behaviour[]): { log: Log; failures: number } {
  const log: Log = [];
  const around: number[] = [];
  const end = (): void => all.forEach((_, index) => log.push(`end ${index} in ${around.join()}`));
  for (const [index, behaviour] of [...all.entries()].toReversed()) {
    log.push(`start ${index} in ${around.join()}`);
    if (behaviour === 'skips') break;
    if (behaviour.endsWith('before done')) {
      if (around.length > 0) end();
      break;
    }
    around.push(index);
    if (index === 0) {
      log.push(`handler in ${around.join()}`);
      end();
    }
  }
  const met = all.slice(-log.filter((it) => it.startsWith('start')).length);
  const failures = met.filter((it) => /throws|rejects/.test(it)).length;
  return { log, failures };
}

describe('processing hooks', () => {
  it('run from the last one to the first, and end from the first to the last, whatever each of them does', async () => {
    await fc.assert(
      fc.asyncProperty(
        behaviours.filter(({ length }) => length > 0),
        async (all) => {
          const log: Log = [];
          let failures = 0;
          const hooks = new ProcessingHooks(() => failures++);
          for (const [index, behaviour] of all.entries()) {
            hooks.addStart(hookOf(behaviour, index, log));
            hooks.addEnd(() => log.push(`end ${index} in ${storage.getStore()?.join() ?? ''}`));
          }
          await hooks.start(context, async () => {
            await Promise.resolve();
            log.push(`handler in ${storage.getStore()?.join() ?? ''}`);
            hooks.end(context);
          });
          expect({ log, failures }).toEqual(expected(all));
          // Node keeps no store of a message for the next one.
          expect(storage.getStore()).toBeUndefined();
        },
      ),
    );
  });

  it('run the handler alone if there are none', async () => {
    const hooks = new ProcessingHooks(() => undefined);
    let runs = 0;
    await hooks.start(context, async () => runs++);
    expect([runs, hooks.hasStart, hooks.hasEnd]).toEqual([1, false, false]);
  });

  it('do not meet a message that was in the hooks before they were set', async () => {
    const log: Log = [];
    const hooks = new ProcessingHooks(() => undefined);
    const late: StartHook = (_, done) => {
      log.push('late');
      return done();
    };
    hooks.addStart((_, done) => {
      log.push('first');
      hooks.addStart(late);
      return done();
    });
    await hooks.start(context, async () => log.push('handler'));
    expect(log).toEqual(['first', 'handler']);
  });

  it('leave out the message of a hook that calls done after it has thrown', async () => {
    const log: Log = [];
    const hooks = new ProcessingHooks(() => log.push('failure'));
    let late: (() => Promise<void>) | undefined;
    hooks.addStart((_, done) => {
      late = done;
      throw new Error('too early');
    });
    await hooks.start(context, async () => log.push('handler'));
    await late?.();
    expect(log).toEqual(['failure']);
  });

  it('end each, although an earlier one throws, rejects or does not return', () => {
    const log: Log = [];
    const hooks = new ProcessingHooks(() => undefined);
    hooks.addEnd(() => {
      throw new Error('thrown');
    });
    hooks.addEnd(() => Promise.reject(new Error('rejected')));
    hooks.addEnd(() => new Promise(() => undefined));
    hooks.addEnd(() => log.push('last'));
    hooks.end(context);
    expect(log).toEqual(['last']);
  });
});
