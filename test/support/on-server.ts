import { inject, it, type TestFunction } from 'vitest';

/** A test that needs a server: it is skipped where the tests of its file run over memory. */
export function onServer(name: string, test: TestFunction): void {
  it.skipIf(inject('isInMemory'))(name, test);
}
