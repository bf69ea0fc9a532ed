import { readFileSync } from 'node:fs';

/** The text of the README. */
export const README = readFileSync('README.md', 'utf8');
