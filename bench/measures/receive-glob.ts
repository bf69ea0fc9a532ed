import type { Measure } from '../harness/measure.js';
import { receiveRows } from './support/receive-rows.js';

const title = 'Receive, glob handler';

/** What a message to a handler of a glob takes. */
export const receiveGlob: Measure = {
  name: 'receive-glob',
  title,
  run: (bench) => receiveRows(bench, title, { isGlob: true }),
};
