import { NEVER, of, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { RunningStreams } from '../../../../src/transport/server/running-streams.js';
import { outcomeOf } from '../../../support/nest-app.js';

const fail = (thrown: unknown): never => {
  throw thrown;
};

describe('RunningStreams', () => {
  const CLOSED = { status: 'error', message: 'closed' };

  it('fails the streams that run, and none that has ended', async () => {
    const streams = new RunningStreams();
    const ended = outcomeOf(of(1).pipe(takeUntil(streams.failure$)));
    const running = [1, 2].map(() => outcomeOf(NEVER.pipe(takeUntil(streams.failure$))));
    streams.fail(CLOSED, fail);
    expect(await ended).toEqual({ values: [1] });
    expect(await Promise.all(running)).toEqual([1, 2].map(() => ({ values: [], error: CLOSED })));
  });

  it('fails later streams before they begin', async () => {
    const streams = new RunningStreams();
    streams.fail(CLOSED, fail);
    expect(await outcomeOf(of(1).pipe(takeUntil(streams.failure$)))).toEqual({
      values: [],
      error: CLOSED,
    });
  });
});
