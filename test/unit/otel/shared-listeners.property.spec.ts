import * as fc from 'fast-check';
import { channel } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { SharedListeners } from '../../../src/otel/shared-listeners.js';

const NAMES = ['shared-listeners:one', 'shared-listeners:two'] as const;

describe('SharedListeners', () => {
  it('listen once to each channel while they have a user, and never after', () => {
    fc.assert(
      // Each number ends one of the users so far, perhaps again; `null` adds one.
      fc.property(fc.array(fc.option(fc.nat(20))), (steps) => {
        const heard: unknown[] = [];
        const listen = (message: unknown): unknown => heard.push(message);
        const listeners = new SharedListeners({ [NAMES[0]]: listen, [NAMES[1]]: listen });
        const ends: (() => void)[] = [];
        const ended = new Set<number>();
        for (const step of steps) {
          if (step === null) ends.push(listeners.use());
          else if (ends.length > 0) {
            const index = step % ends.length;
            ends[index]?.();
            ended.add(index);
          }
          heard.length = 0;
          for (const name of NAMES) channel(name).publish(name);
          expect(heard).toEqual(ended.size < ends.length ? NAMES : []);
        }
        for (const end of ends) end();
        expect(NAMES.map((name) => channel(name).hasSubscribers)).toEqual([false, false]);
      }),
    );
  });
});
