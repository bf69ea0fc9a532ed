import { describe, expect, it } from 'vitest';
import { ClosedError, InvalidChannelError, PayloadError } from 'nestjs-redis-pubsub';
import { asBadRequest, hasCode, withoutPayload } from '../../src/errors.js';

const unreadable = () => new Proxy({}, { get: () => JSON.parse('{') as never });

describe('hasCode', () => {
  it('recognises the errors of this package by their code', () => {
    expect(hasCode(new ClosedError(), 'ERR_PUBSUB_CLOSED')).toBe(true);
    expect(hasCode(new ClosedError(), 'ERR_PUBSUB_PAYLOAD')).toBe(false);
    expect(hasCode(new (class Special extends PayloadError {})(''), 'ERR_PUBSUB_PAYLOAD')).toBe(
      true,
    );
  });

  it('recognises nothing else', () => {
    const alike = Object.assign(new Error('x'), { code: 'ERR_PUBSUB_CLOSED' });
    for (const value of [alike, undefined, null, 'ERR_PUBSUB_CLOSED', {}, unreadable()]) {
      expect(hasCode(value, 'ERR_PUBSUB_CLOSED')).toBe(false);
    }
  });
});

describe('withoutPayload', () => {
  it('replaces an error of JSON.parse, which quotes its input', () => {
    let thrown: unknown;
    try {
      JSON.parse('s3cret');
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toContain('s3cret');
    const error = withoutPayload(thrown) as Error;
    expect(error).toBeInstanceOf(SyntaxError);
    expect(`${error.stack} ${String(error.cause)}`).not.toContain('s3cret');
  });

  it('keeps all others', () => {
    for (const value of [new Error('x'), 'text', undefined, unreadable()]) {
      expect(withoutPayload(value) === value).toBe(true);
    }
  });
});

describe('asBadRequest', () => {
  it('marks an error as one that the caller has caused', () => {
    const error = new InvalidChannelError('no');
    expect(error.statusCode).toBeUndefined();
    expect(asBadRequest(error)).toBe(error);
    expect(error).toMatchObject({ statusCode: 400, status: 400, expose: true });
  });
});
