import * as fc from 'fast-check';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { withoutArguments } from '../../src/shared/clean-error.js';
import {
  CommandRefusedError,
  ConnectionError,
  InvalidOptionError,
  messageOf,
  textOf,
} from '../../src/errors.js';

const SECRET = 'hunter2-marked';

/** Everything that a log or the print of a crash may show of an error. */
const shown = (error: unknown): string =>
  inspect(error, { depth: Infinity, showHidden: true, getters: true });

/** As ioredis reports an error reply: with the command, and all its arguments. */
const replyError = (message: string, args: unknown[]): Error =>
  Object.assign(new Error(message), { name: 'ReplyError', command: { name: 'hello', args } });

const message = fc.constantFrom(
  'WRONGPASS invalid username-password pair or user is disabled.',
  `ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' '${SECRET}'`,
  `ERR unknown command \`publish\`, with args beginning with: \`a\`, \`${SECRET}\`, `,
);

const reply = fc.tuple(message, fc.boolean(), fc.boolean()).map(([text, isHidden, isBuffer]) => {
  const error = replyError(text, [3, 'AUTH', isBuffer ? Buffer.from(SECRET) : SECRET]);
  if (isHidden) Object.defineProperty(error, 'command', { enumerable: false });
  return error;
});

const chain: fc.Arbitrary<Error> = fc.letrec<{ error: Error }>((tie) => ({
  error: fc.oneof(
    { depthSize: 'small' },
    reply,
    tie('error').map((cause) => new Error('why', { cause })),
    fc.array(tie('error'), { maxLength: 3 }).map((errors) => new AggregateError(errors)),
    tie('error').map((previous) => Object.assign(new Error('last'), { previous })),
  ),
})).error;

describe('an error of this package', () => {
  it('shows no argument of a command, whatever its cause is', () => {
    fc.assert(
      fc.property(chain, (cause) => {
        for (const error of [
          new ConnectionError('no', { cause }),
          new CommandRefusedError('publish', 'a', cause),
          withoutArguments(cause),
        ]) {
          expect(shown(error)).not.toContain(SECRET);
          expect(messageOf(error)).not.toContain(SECRET);
        }
      }),
    );
  });

  it('keeps a cause that has no arguments', () => {
    const cause = new Error('read ECONNRESET');
    expect(new ConnectionError('no', { cause }).cause).toBe(cause);
  });

  it('keeps the class, the name, the message and the stack of a cause', () => {
    class OwnError extends Error {}
    const cause = Object.assign(new OwnError('WRONGPASS no'), {
      name: 'ReplyError',
      code: 'X',
      command: { name: 'auth', args: [SECRET] },
    });
    const copy = new ConnectionError('no', { cause }).cause;
    expect(copy).toBeInstanceOf(OwnError);
    expect(copy).toMatchObject({ name: 'ReplyError', message: 'WRONGPASS no', code: 'X' });
    expect((copy as Error).stack).toContain('WRONGPASS no');
    // ioredis gives the same error to the listeners of the application.
    expect(cause.command.args).toEqual([SECRET]);
  });

  it('ends a circle of causes', () => {
    const cause = replyError('no', [SECRET]);
    cause.cause = cause;
    expect(shown(withoutArguments(cause))).not.toContain(SECRET);
  });

  it.each([
    `redis://:${SECRET}@host`,
    `redis//:${SECRET}@host`,
    `redis://user:${SECRET}@host:1/0?x=1`,
    `redis:/host?password=${SECRET}`,
    `host:6379?password=${SECRET}`,
    `host:6379?password=${SECRET}?x`,
    `redis://user:${SECRET}@a@host?x=${SECRET}`,
  ])('shows no password of the text %s', (text) => {
    expect(new InvalidOptionError('x', 'else', text).message).not.toContain(SECRET);
  });

  it.each(['shop@home', 'a?b', '@', 'news.*?'])('shows the text %s as it is', (text) => {
    expect(new InvalidOptionError('x', 'else', text).message).toContain(`got "${text}"`);
  });
});

const refused = (address: string): Error => new Error(`connect ECONNREFUSED ${address}`);

/** The error of `JSON.parse`, which repeats a part of the text. */
function syntaxError(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    return error;
  }
}

describe('messageOf', () => {
  it('names each reason of an error for several addresses', () => {
    const error = new AggregateError([refused('::1:1'), refused('127.0.0.1:1')]);
    expect(messageOf(error)).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1');
  });

  it.each([
    [Object.assign(new Error(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
    [new TypeError(''), 'TypeError'],
    [new Error(' two lines\n'), 'two lines'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [syntaxError('hunter2 "x" \n'), "Unexpected token 'h', it is not valid JSON"],
    [
      syntaxError('[1,hunter2 and much more text after it'),
      "Unexpected token 'h', it is not valid JSON",
    ],
  ])('of %o is "%s"', (error, expected) => {
    expect(messageOf(error)).toBe(expected);
  });
});

describe('text that a publisher chose', () => {
  const LENGTH = 2_000_000;

  // Work that grows with the square of the length would take longer than the test may.
  it.each([
    '"',
    ':',
    '/',
    '@',
    '?',
    ':@',
    '/?',
    '\n',
    '\n at ',
    '" is not valid JSON',
    'args with ',
  ])('is cleaned in linear time: %j, again and again', (part) => {
    const text = part.repeat(LENGTH / part.length);
    const error = new Error(text);
    expect(messageOf(error).length).toBeLessThan(5_000);
    expect(textOf(error).length).toBeLessThan(50_000);
    expect(new InvalidOptionError('x', 'else', text).message.length).toBeLessThan(5_000);
    expect(withoutArguments(error)).toBeInstanceOf(Error);
  });

  it.each([
    [`Unexpected token 'h', "${SECRET}" is not valid JSON`],
    [`Unexpected token 'h', ..."a"${SECRET}"b"... is not valid JSON`],
    [`"${SECRET}" is not valid JSON`],
    [`Command queue state error. Last reply: ${SECRET}`],
  ])('is not repeated from a reply or from JSON: %s', (message) => {
    expect(messageOf(new Error(message))).not.toContain(SECRET);
    expect(textOf(new Error(message))).not.toContain(SECRET);
    expect(shown(withoutArguments(new Error(message)))).not.toContain(SECRET);
  });

  it('keeps the frames of an error whose message is cleaned', () => {
    expect(textOf(new Error(`x Last reply: ${SECRET}`))).toMatch(/^Error: x\n {4}at /);
  });
});

it('leaves a cause that cannot be read as it is', () => {
  const cause = new Proxy(new Error('x'), {
    getPrototypeOf() {
      throw new Error('no');
    },
  });
  expect(withoutArguments(cause)).toBe(cause);
});
