import { inject } from 'vitest';

/** Whether the server of the tests has sharded Pub/Sub, which Redis has since 7.0. */
export const HAS_SHARDED = inject('hasSharded');

/** The end of the titles of tests that need it: the reason why they are skipped, if they are. */
export const IF_SHARDED = HAS_SHARDED
  ? ''
  : ' (skipped: this server is older than 7.0 and has no sharded Pub/Sub)';
