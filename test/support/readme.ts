import { readFileSync } from 'node:fs';

/** The text of the README. */
export const README = readFileSync('README.md', 'utf8');

/** The arguments of the ACL command in the README, which grants the permissions of a service. */
export const README_ACL = (/^ACL (SETUSER .+)$/m.exec(README)?.[1] ?? '').split(' ');
