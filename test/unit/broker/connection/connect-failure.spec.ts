import { describe, expect, it } from 'vitest';
import type { ConnectAttempt } from '../../../../src/broker/connection/connect-attempt.js';
import {
  connectionError,
  explainFailure,
  failureOf,
  isInfoUnknown,
} from '../../../../src/broker/connection/connect-failure.js';
import { ConnectionError } from '../../../../src/errors.js';
import { replyError } from '../fake-client.js';

/** An attempt whose connection was accepted, without a byte from the server, unless `seen` says more. */
const attempt = (seen: Partial<ConnectAttempt> = {}): ConnectAttempt =>
  ({ isOpen: true, isTls: false, isSecure: false, hasBytes: false, ...seen }) as ConnectAttempt;

const socketError = (code: string, message = `read ${code}`): Error =>
  Object.assign(new Error(message), { code, syscall: 'read' });

const reset = socketError('ECONNRESET');

describe('explainFailure', () => {
  it.each<[string, unknown, Partial<ConnectAttempt>, RegExp]>([
    ['a reply of Redis', replyError('WRONGPASS no'), {}, /^WRONGPASS no$/],
    ['a server without INFO', replyError("ERR unknown command 'info'"), {}, /enableReadyCheck/],
    ['a full server', reset, { onlyReply: 'ERR max number of clients reached' }, /^ERR max number/],
    ['a close without an answer', undefined, {}, /was closed before .*: connected, and closed/],
    ['a reset without an answer', reset, {}, /^read ECONNRESET: connected, and closed without/],
    ['a reset after an answer', reset, { hasBytes: true }, /^read ECONNRESET$/],
    ['a reset before a connection', reset, { isOpen: false }, /^read ECONNRESET$/],
    [
      'an answer with TLS',
      new Error('Unknown RESP type 21'),
      { isAnsweredWithTls: true },
      /rediss:/,
    ],
    ['another protocol', new Error('Unknown RESP type 72 "H"'), {}, /not in the protocol of Redis/],
    [
      'a silent handshake',
      socketError('ETIMEDOUT'),
      { isTls: true },
      /no answer to the TLS handsh/,
    ],
    ['a silent server', socketError('ETIMEDOUT'), { isTls: true, isSecure: true }, /ETIMEDOUT$/],
    ['no TLS', socketError('ERR_SSL_WRONG_VERSION_NUMBER'), { isTls: true }, /is not TLS/],
    ['a certificate', socketError('CERT_HAS_EXPIRED', 'expired'), { isTls: true }, /^expired$/],
    ['our own reason', new ConnectionError('no PING'), {}, /^no PING$/],
    ['credentials that failed', new Error('no token'), { isOpen: false }, /^no token$/],
  ])('of %s', (_, error, seen, expected) => {
    expect(explainFailure(error, attempt(seen)).reason).toMatch(expected);
  });

  it('of an attempt without a socket is the error', () => {
    expect(explainFailure(reset, undefined)).toEqual(failureOf(reset));
  });
});

describe('connectionError', () => {
  it.each([
    [replyError('WRONGPASS no.'), 'Redis refused the connection: WRONGPASS no (at h:1)'],
    [reset, 'Redis is unreachable: read ECONNRESET (at h:1)'],
    [new Error('connect ECONNREFUSED h:1'), 'Redis is unreachable: connect ECONNREFUSED h:1'],
    [
      new AggregateError([reset, reset]),
      'Redis is unreachable: read ECONNRESET; read ECONNRESET (at h:1)',
    ],
    [new ConnectionError('no PING'), 'Redis is unreachable: no PING (at h:1)'],
    [
      new Error('All sentinels are unreachable'),
      'Redis is unreachable: All sentinels are unreachable (at h:1)',
    ],
    [
      new Error('self-signed certificate'),
      'Cannot connect to Redis: self-signed certificate (at h:1)',
    ],
    [new Error('no token'), 'Cannot connect to Redis: no token (at h:1)'],
  ])('of %o', (error, expected) => {
    const { message, cause } = connectionError('h:1', failureOf(error));
    expect(message).toBe(`${expected}. Connection is closed.`);
    expect(cause).toBe(error);
  });
});

describe('isInfoUnknown', () => {
  it.each([
    ["ERR unknown command 'info', with args beginning with: ", true],
    ['ERR unknown command `INFO`', true],
    ["ERR unknown command 'hello'", false],
    ['NOPERM this user has no permissions to run the info command', false],
  ])('of "%s" is %j', (message, expected) => {
    expect(isInfoUnknown(replyError(message))).toBe(expected);
  });
});
