import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { isReplyError } from '../../../src/broker/connection/redis-error.js';
import { findUnsendable } from '../../../src/codec/unsendable.js';
import { messageOf, textOf } from '../../../src/errors.js';
import { withoutArguments } from '../../../src/shared/clean-error.js';
import { isError } from '../../../src/shared/is-error.js';

/** As in Jest, where the errors of Node come from outside of the realm of the tests. */
const foreign = (code = 'new Error("connect ECONNREFUSED")'): Error =>
  runInNewContext(code) as Error;

describe('an error of another realm', () => {
  it('is no instance of Error, and is known as an error', () => {
    expect(foreign() instanceof Error).toBe(false);
    expect(isError(foreign())).toBe(true);
  });

  it('is told by its message, and logged with its stack', () => {
    expect(messageOf(foreign())).toBe('connect ECONNREFUSED');
    expect(textOf(foreign())).toMatch(/^Error: connect ECONNREFUSED\n +at /);
  });

  it('loses the arguments of its command', () => {
    const error = foreign(
      'Object.assign(new Error("WRONGPASS"), { command: { name: "auth", args: ["secret"] } })',
    );
    expect(withoutArguments(error)).not.toHaveProperty('command');
    expect(withoutArguments(error).message).toBe('WRONGPASS');
  });

  it('is a reply of Redis if its name says so', () => {
    expect(isReplyError(foreign('Object.assign(new Error("ERR"), { name: "ReplyError" })'))).toBe(
      true,
    );
  });

  it('has no form in JSON', () => {
    expect(findUnsendable({ failure: foreign() })).toContain('Error');
  });

  it.each([undefined, null, 1, 'Error', {}, { message: 'like an error' }])('is not %j', (value) => {
    expect(isError(value)).toBe(false);
  });
});
