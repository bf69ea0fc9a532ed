import { expect } from 'vitest';

/** A wrong value of an option, and what the error has to say of it. */
export type Refusal = [option: string, value: unknown, expected: string];

/** What a constructor throws. */
export function errorOf(construct: () => unknown): unknown {
  try {
    construct();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What the error of a refusal looks like: it names the option, what is expected, and what came. */
export function refusalOf([option, , expected]: Refusal): object {
  const [name, words] = [option, expected].map((it) => it.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return {
    code: 'ERR_PUBSUB_INVALID_OPTION',
    name: 'InvalidOptionError',
    message: expect.stringMatching(`^(?=.*, got )Expected "${name}" to be .*${words}`) as string,
  };
}
