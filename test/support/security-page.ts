import { readFileSync } from 'node:fs';

/** The text of the page on security. */
export const SECURITY_PAGE = readFileSync('docs/operations/security.md', 'utf8');

/**
 * The arguments of the ACL commands on that page: the first one grants the permissions of a service, the second one
 * those for sharded Pub/Sub.
 */
export const [SERVICE_ACL = [], SHARDED_ACL = []] = [
  ...SECURITY_PAGE.matchAll(/^ACL (SETUSER .+)$/gm),
].map(([, line = '']) => line.split(' '));
