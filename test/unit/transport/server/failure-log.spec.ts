import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../../src/channel/channel-pattern.js';
import { INTERNAL_ERROR } from '../../../../src/transport/nest-internals.js';
import { RedisPubSubContext } from '../../../../src/transport/redis-pubsub.context.js';
import { FailureLog } from '../../../../src/transport/server/failure-log.js';
import { FakeLog, pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

const contextOf = (pattern: string, channel: string): RedisPubSubContext =>
  new RedisPubSubContext(channel, undefined, ChannelPattern.parse(pattern), {});
const HIDDEN = { ...INTERNAL_ERROR };

describe('FailureLog', () => {
  let log: FakeLog;
  let failures: FailureLog;
  beforeEach(() => {
    useFakeClock();
    log = new FakeLog();
    failures = new FailureLog(log);
  });
  afterEach(useRealClock);

  it('logs an error with the pattern, the channel and the stack', () => {
    const error = new Error('no');
    failures.report(contextOf('user.*', 'user.1'), error);
    expect(log.lines).toEqual([
      `error: The handler of "user.*" failed on "user.1": ${String(error.stack)}`,
    ]);
  });

  it.each([
    ['text', "'text'"],
    [undefined, 'undefined'],
    [{ status: 'error', message: 'own' }, "{ status: 'error', message: 'own' }"],
  ])('logs the value %o', (error, text) => {
    failures.report(contextOf('a', 'a'), error);
    expect(log.lines).toEqual([`error: The handler of "a" failed on "a": ${text}`]);
  });

  it('gives a hint with the first error of a pattern that Nest hides', () => {
    failures.report(contextOf('a', 'a'), HIDDEN);
    failures.report(contextOf('a', 'a'), HIDDEN);
    failures.report(contextOf('b', 'b'), HIDDEN);
    expect(log.lines.map((line) => line.includes('exceptionFactory'))).toEqual([true, false, true]);
    expect(log.lines[1]).toBe('warn: The handler of "a" failed on "a"');
  });

  it('logs ten hidden errors a second, and the number of the others', async () => {
    for (let i = 0; i < 25; i++) failures.report(contextOf('a', 'a'), HIDDEN);
    expect(log.lines).toHaveLength(10);
    await pass(1_000);
    expect(log.lines.at(-1)).toBe('warn: Handlers failed 15 more times');
  });
});
