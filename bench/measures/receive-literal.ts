import type { Measure } from '../harness/measure.js';
import { receiveRows } from './support/receive-rows.js';

const title = 'Receive, literal handler';

/** The cost of a message for the handler of one channel. */
export const receiveLiteral: Measure = {
  name: 'receive-literal',
  title,
  run: (bench) => receiveRows(bench, title, { isGlob: false }),
};
