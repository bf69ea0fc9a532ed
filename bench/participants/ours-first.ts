import { requestsWith } from './ours.js';

/** This package with `deliverFirst` at both ends. */
export const participant = requestsWith({ deliverFirst: true });
