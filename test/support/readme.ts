import { readFileSync } from 'node:fs';

/** The text of the README. */
export const README = readFileSync('README.md', 'utf8');

/**
 * The arguments of the ACL commands in the README: the first one grants the permissions of a service, the second one
 * those for sharded Pub/Sub.
 */
export const [README_ACL = [], README_SHARDED_ACL = []] = [
  ...README.matchAll(/^ACL (SETUSER .+)$/gm),
].map(([, line = '']) => line.split(' '));
