import { expect } from 'vitest';

/** An invalid value of an option, and the text that the error message must contain. */
export type Refusal = [option: string, value: unknown, expected: string];

/** The error that a constructor throws. */
export function errorOf(construct: () => unknown): unknown {
  try {
    construct();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** The expected error: its message names the option, the expected value and the actual value. */
export function refusalOf([option, , expected]: Refusal): object {
  const [name, words] = [option, expected].map((it) => it.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return {
    code: 'ERR_PUBSUB_INVALID_OPTION',
    name: 'InvalidOptionError',
    message: expect.stringMatching(`^(?=.*, got )Expected "${name}" to be .*${words}`) as string,
  };
}
