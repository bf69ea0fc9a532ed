import { messageOf } from '../../errors.js';

const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH|ERR invalid password|ERR Client sent AUTH)/;

/** Whether an error is Redis' answer to a command, and not the loss of a connection. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether Redis does not take the user or the password: no further attempt will mend that. */
export function isLoginRefused(error: unknown): boolean {
  return LOGIN_REFUSED.test(messageOf(error));
}
