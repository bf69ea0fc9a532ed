import { instanceOf } from '../process/instance.js';

/** The name of this gateway instance. */
export const INSTANCE = instanceOf('gateway');
