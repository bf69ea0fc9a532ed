import type { Measure } from '../harness/measure.js';
import { receiveRows } from './support/receive-rows.js';

const title = 'Receive, glob handler';

/** The cost of a message for the handler of a glob. */
export const receiveGlob: Measure = {
  name: 'receive-glob',
  title,
  run: (bench) => receiveRows(bench, title, { isGlob: true }),
};
