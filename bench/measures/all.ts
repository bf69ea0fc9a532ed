import type { Measure } from '../harness/measure.js';
import { emitBursts } from './emit-bursts.js';
import { emit } from './emit.js';
import { receiveGlob } from './receive-glob.js';
import { receiveLiteral } from './receive-literal.js';
import { receiveValidated } from './receive-validated.js';

/** Every measure, in the order of the report. */
export const MEASURES: readonly Measure[] = [
  receiveGlob,
  receiveLiteral,
  receiveValidated,
  emit,
  emitBursts,
];
