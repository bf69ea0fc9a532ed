import { expect } from 'vitest';

/** What a value will be: it is asked for until the expectation holds, as a page needs a moment. */
export function soon<Value>(
  value: () => Value | Promise<Value>,
): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(value, { timeout: 15_000, interval: 25 });
}
