import { NEVER, of, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RunningStreams } from '../../../../src/transport/server/running-streams.js';
import { outcomeOf } from '../../../support/nest-app.js';

const fail = (thrown: unknown): never => {
  throw thrown;
};

describe('the end of all streams that run', () => {
  const CLOSED = { status: 'error', message: 'closed' };

  it('fails those that run, and none that has ended', async () => {
    const cut = new RunningStreams();
    const ended = outcomeOf(of(1).pipe(takeUntil(cut.failure$)));
    const running = [1, 2].map(() => outcomeOf(NEVER.pipe(takeUntil(cut.failure$))));
    cut.fail(CLOSED, fail);
    expect(await ended).toEqual({ values: [1] });
    expect(await Promise.all(running)).toEqual([1, 2].map(() => ({ values: [], error: CLOSED })));
  });

  it('fails those that come later, before they begin', async () => {
    const cut = new RunningStreams();
    cut.fail(CLOSED, fail);
    expect(await outcomeOf(of(1).pipe(takeUntil(cut.failure$)))).toEqual({
      values: [],
      error: CLOSED,
    });
  });
});
