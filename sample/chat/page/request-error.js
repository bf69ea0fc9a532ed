/** The answer of a node to a request that it does not carry out; `isTemporary` if it may do so later. */
export class RequestError extends Error {
  /** @param {{ code: string, message: string, retryInMs?: number }} error */
  constructor({ code, message, retryInMs }) {
    super(message);
    this.name = 'RequestError';
    this.isTemporary = ['unavailable', 'too-fast', 'unreachable'].includes(code);
    /** Whether the page waits because the user was too fast. */
    this.isTooFast = code === 'too-fast';
    this.retryInMs = retryInMs;
  }
}
