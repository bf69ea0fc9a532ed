import { HttpException, NotFoundException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { ConnectionError } from 'nestjs-redis-pubsub';
import { describe, expect, it } from 'vitest';
import { resolveTracingOptions, typeOfError } from '../../../src/otel/options.js';

describe('the type of an error', () => {
  it.each([
    [new TypeError('a'), 'TypeError'],
    [new ConnectionError('a'), 'ERR_PUBSUB_CONNECTION'],
    [new HttpException('a', 500), 'HttpException'],
    [Object.assign(new Error('a'), { name: '' }), '_OTHER'],
    [new HttpException('a', 499), undefined],
    [new NotFoundException(), undefined],
    [new RpcException('a'), undefined],
  ])('of %s is %s', (error, type) => {
    expect(typeOfError(error)).toBe(type);
  });
});

describe('the options of tracing', () => {
  it('have defaults', () => {
    expect(resolveTracingOptions({})).toEqual({
      relation: 'parent',
      captureHeaders: [],
      classifyError: typeOfError,
    });
  });

  it('do not change when the array that was given does', () => {
    const captureHeaders = ['tenant'];
    const resolved = resolveTracingOptions({ captureHeaders });
    captureHeaders.push('token');
    expect(resolved.captureHeaders).toEqual(['tenant']);
  });
});
