/** Whether an error is Redis' answer to a command, and not the loss of a connection. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
