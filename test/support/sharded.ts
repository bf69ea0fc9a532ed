import { describe, inject, it } from 'vitest';

/** Whether the server of the tests has sharded Pub/Sub. */
export const HAS_SHARDED = inject('hasSharded');

const titleOf = (title: string): string =>
  HAS_SHARDED
    ? title
    : `${title} (skipped: this server is older than 7.0 and has no sharded Pub/Sub)`;

/** `describe` for tests of sharded Pub/Sub. A server before 7.0 lacks it: they are skipped, with the reason. */
export function describeSharded(title: string, tests: () => void): void {
  describe.skipIf(!HAS_SHARDED)(titleOf(title), tests);
}

/** `it` for a test of sharded Pub/Sub, as {@link describeSharded}. */
export function itSharded(title: string, test: () => Promise<void>): void {
  it.skipIf(!HAS_SHARDED)(titleOf(title), test);
}
