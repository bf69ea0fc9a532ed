import { BadRequestException, ForbiddenException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelPattern } from '../../../../src/channel/channel-pattern.js';
import { INTERNAL_ERROR } from '../../../../src/transport/nest-internals.js';
import { RedisPubSubContext } from '../../../../src/transport/redis-pubsub.context.js';
import { FailureLog } from '../../../../src/transport/server/failure-log.js';
import { hostileValues } from '../../../support/hostile-values.js';
import { FakeLog, pass, useFakeClock, useRealClock } from '../../broker/fake-client.js';

const contextOf = (pattern: string, channel: string): RedisPubSubContext =>
  new RedisPubSubContext(channel, {}, ChannelPattern.parse(pattern), {});

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

  it('logs the reasons of an HttpException, without a stack', () => {
    failures.report(contextOf('a', 'a'), new BadRequestException(['name is short', 'age\nis old']));
    failures.report(contextOf('a', 'a'), new ForbiddenException());
    expect(log.lines).toEqual([
      'warn: The handler of "a" failed on "a": BadRequestException: name is short; age\\u000ais old',
      'warn: The handler of "a" failed on "a": ForbiddenException: Forbidden',
    ]);
  });

  it('tells once how the caller of a request learns the reason, and not with an event', () => {
    failures.report(contextOf('a', 'a'), new ForbiddenException());
    failures.report(contextOf('a', 'a'), new ForbiddenException(), true);
    failures.report(contextOf('a', 'a'), new ForbiddenException(), true);
    const line = 'warn: The handler of "a" failed on "a": ForbiddenException: Forbidden';
    const hint =
      '. The caller of a request receives the reason if the exceptionFactory of a pipe returns an RpcException';
    expect(log.lines).toEqual([line, line + hint, line]);
  });

  it('logs a refusal by a guard as a warning', () => {
    failures.report(contextOf('a', 'a'), new RpcException('Forbidden resource'));
    failures.report(contextOf('a', 'a'), new RpcException('sold out'));
    expect(log.lines).toEqual([
      'warn: The handler of "a" failed on "a": Forbidden resource',
      'error: The handler of "a" failed on "a": \'sold out\'',
    ]);
  });

  it.each([
    [{ message: { field: 'name' } }, "{ field: 'name' }"],
    [{ message: [{ field: 'name' }, 'age is old'] }, "{ field: 'name' }; age is old"],
    [{ errors: ['a'] }, "{ errors: [ 'a' ] }"],
    [{ message: [{ value: 'secret', toString: (): string => 'name is short' }] }, 'name is short'],
  ])('logs the reasons of an HttpException that are objects: %o', (response, text) => {
    failures.report(contextOf('a', 'a'), new BadRequestException(response));
    expect(log.lines[0]).toContain(`BadRequestException: ${text}`);
  });

  it('logs what an RpcException has for its caller', () => {
    failures.report(contextOf('a', 'a'), new RpcException({ code: 'E_STOCK' }));
    expect(log.lines).toEqual(['error: The handler of "a" failed on "a": { code: \'E_STOCK\' }']);
  });

  it('logs that a filter has replaced an error', () => {
    failures.report(contextOf('a', 'a'), { ...INTERNAL_ERROR });
    expect(log.lines).toEqual([
      'warn: The handler of "a" failed on "a": a filter has replaced the error',
    ]);
  });

  it('logs ten failures a second, and the number of the others', async () => {
    const error = new Error('no');
    for (let i = 0; i < 5_000; i++) failures.report(contextOf('a', 'a'), error);
    expect(log.lines).toHaveLength(10);
    await pass(1_000);
    expect(log.lines.slice(10)).toEqual(['error: The handler of "a" failed 4990 more times']);
  });

  it('logs the failures of a handler also while another one fails thousands of times', () => {
    for (let i = 0; i < 5_000; i++) failures.report(contextOf('a', 'a'), 'text');
    failures.report(contextOf('b', 'b'), 'text');
    expect(log.lines.slice(10)).toEqual(['error: The handler of "b" failed on "b": \'text\'']);
  });

  it('logs failures also while thousands of messages are rejected', async () => {
    const rejection = new BadRequestException('bad');
    for (let i = 0; i < 5_000; i++) failures.report(contextOf('a', 'a'), rejection);
    failures.report(contextOf('a', 'a'), 'text');
    expect(log.lines.slice(10)).toEqual(['error: The handler of "a" failed on "a": \'text\'']);
    await pass(1_000);
    expect(log.lines.at(-1)).toBe('warn: The handler of "a" rejected 4990 more messages');
  });

  it.each([
    ['error', 'no', 'handlers that failed'],
    ['warn', new BadRequestException('bad'), 'messages that were rejected'],
  ])(
    'logs fifty lines a second over all handlers (%s), and the number of the others',
    async (level, error, what) => {
      for (let i = 0; i < 2_000; i++)
        failures.report(contextOf(`h${i % 200}`, `h${i % 200}`), error);
      expect(log.lines).toHaveLength(50);
      await pass(1_000);
      expect(log.lines.slice(50)).toEqual([`${level}: Left out 1950 more lines about ${what}`]);
    },
  );

  it('logs failures also while many handlers reject thousands of messages', () => {
    for (let i = 0; i < 2_000; i++) {
      failures.report(contextOf(`h${i % 200}`, 'a'), new BadRequestException('bad'));
    }
    failures.report(contextOf('b', 'b'), 'text');
    expect(log.lines.at(-1)).toBe('error: The handler of "b" failed on "b": \'text\'');
  });

  it.each(hostileValues())('logs a value that cannot be read: %s', (_, value) => {
    failures.report(contextOf('a', 'a'), value);
    expect(log.lines).toEqual([expect.stringContaining('The handler of "a" failed on "a": ')]);
  });
});
