import { BadRequestException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { withPlainErrors } from '../../../../src/transport/server/plain-errors.js';

const coded = Object.assign(new Error('sold out'), { code: 'E_STOCK', left: 3 });
const status = 'error';

describe('withPlainErrors', () => {
  it.each<[string, unknown, unknown]>([
    ['an Error', new Error('boom'), { status, message: 'boom' }],
    ['an Error with a code', coded, { status, message: 'sold out', code: 'E_STOCK' }],
    [
      'an Error with a number for a code',
      Object.assign(new Error('x'), { code: 7 }),
      { status, message: 'x', code: 7 },
    ],
    [
      'an Error with an object for a code',
      Object.assign(new Error('x'), { code: {} }),
      { status, message: 'x' },
    ],
    ['an HttpException', new BadRequestException('bad'), { status, message: 'bad' }],
    ['an RpcException around text', new RpcException('no'), { status, message: 'no' }],
    [
      'an RpcException around an object',
      new RpcException({ code: 'E', left: 3 }),
      { code: 'E', left: 3 },
    ],
    [
      'an RpcException around an Error',
      new RpcException(coded),
      { status, message: 'sold out', code: 'E_STOCK' },
    ],
    [
      'an object with an Error inside',
      { why: [{ cause: coded }], a: 1 },
      { why: [{ cause: { message: 'sold out', code: 'E_STOCK' } }], a: 1 },
    ],
  ])('replaces %s in err', (_, err, expected) => {
    const reply = { id: 1, err, isDisposed: true };
    expect(withPlainErrors(reply)).toStrictEqual({ id: 1, err: expected, isDisposed: true });
    expect(reply.err).toBe(err);
  });

  it('replaces a result that is an Error', () => {
    expect(withPlainErrors({ id: 1, response: coded })).toStrictEqual({
      id: 1,
      response: { status, message: 'sold out', code: 'E_STOCK' },
    });
  });

  it.each<[string, unknown]>([
    ['a result', { id: 1, response: { a: 1 } }],
    ['a result with an Error inside, which the codec refuses', { id: 1, response: [coded] }],
    ['text', { id: 1, err: 'no' }],
    ['an object without errors', { id: 1, err: { a: [NaN, { b: undefined }], at: new Date(0) } }],
    ['a value of a serializer', 'text'],
    [
      'an object that cannot be read',
      { id: 1, err: new Proxy({}, { getPrototypeOf: () => JSON.parse('{') as null }) },
    ],
    [
      'an Error that cannot be read',
      {
        id: 1,
        err: Object.defineProperty(new Error('x'), 'message', {
          get: () => JSON.parse('{') as string,
        }),
      },
    ],
  ])('returns the same reply for %s', (_, reply) => {
    expect(withPlainErrors(reply)).toBe(reply);
  });

  it('ends for objects that contain each other', () => {
    const nodes = Array.from({ length: 50 }, (): Record<string, unknown> => ({}));
    for (const node of nodes) nodes.forEach((other, i) => (node[i] = other));
    const reply = { id: 1, err: nodes };
    expect(withPlainErrors(reply)).toBe(reply);
    nodes[0]!.cause = coded;
    expect(withPlainErrors(reply)).toMatchObject({ err: { 0: { cause: { code: 'E_STOCK' } } } });
  });
});
