/** `unavailable` and `too-fast` end by themselves, and the page tries again. */
export type RefusalCode = 'invalid' | 'no-such-room' | 'too-fast' | 'unavailable';

/** A request that the node understands and does not carry out. The page shows the message. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: RefusalCode,
    message: string,
    /** Time after which the same request can succeed, in milliseconds. */
    readonly retryInMs?: number,
  ) {
    super(message);
  }
}

/** The refusal while Redis is away. */
export function unavailable(): Refusal {
  return new Refusal('unavailable', 'The chat cannot reach its storage at the moment.');
}
