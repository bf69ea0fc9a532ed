import type { Measure } from '../harness/measure.js';
import { receiveRows } from './support/receive-rows.js';

const title = 'Receive, literal handler';

/** What a message to a handler of one channel takes. */
export const receiveLiteral: Measure = {
  name: 'receive-literal',
  title,
  run: (bench) => receiveRows(bench, title, { isGlob: false }),
};
