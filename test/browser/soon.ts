import { expect } from 'vitest';

/** Reads a value until the expectation holds, because a page needs time to update. */
export function soon<Value>(
  value: () => Value | Promise<Value>,
): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(value, { timeout: 15_000, interval: 25 });
}
