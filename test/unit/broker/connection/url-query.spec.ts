import { describe, expect, it } from 'vitest';
import { queryOf } from '../../../../src/broker/connection/url-query.js';

describe('queryOf', () => {
  it.each([
    ['redis://a', {}],
    [
      'redis://a?connectTimeout=250&noDelay=false&readOnly=true',
      { connectTimeout: 250, noDelay: false, readOnly: true },
    ],
    ['redis://a?connectionName=42&password=7', { connectionName: '42', password: '7' }],
    ['redis://a?tls=true', { tls: true }],
    ['rediss://a?tls=false', {}],
    ['redis://a?family=x&db=1.5', { family: 'x', db: '1.5' }],
  ])('of %s is %o', (url, expected) => {
    expect(queryOf(url)).toEqual(expected);
  });
});
