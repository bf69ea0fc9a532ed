import { readFileSync } from 'node:fs';

/** The words of the project to its users. */
export const README = readFileSync('README.md', 'utf8');

/** The arguments of the ACL command that gives a service what it needs. */
export const README_ACL = (/^ACL (SETUSER .+)$/m.exec(README)?.[1] ?? '').split(' ');
