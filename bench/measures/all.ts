import type { Measure } from '../harness/measure.js';
import { emitBursts } from './emit-bursts.js';
import { emit } from './emit.js';
import { installedSize } from './installed-size.js';
import { latency } from './latency.js';
import { manyChannels } from './many-channels.js';
import { observerFanOut } from './observer-fan-out.js';
import { publishRate } from './publish-rate.js';
import { receiveBounded } from './receive-bounded.js';
import { receiveGlob } from './receive-glob.js';
import { receiveLiteral } from './receive-literal.js';
import { receiveValidated } from './receive-validated.js';
import { redisBenchmark } from './redis-benchmark.js';
import { replyFanOut } from './reply-fan-out.js';
import { requestLatency } from './request-latency.js';
import { requests } from './requests.js';
import { scaleBacklog } from './scale-backlog.js';
import { scaleChannels } from './scale-channels.js';
import { scaleHandlers } from './scale-handlers.js';
import { scalePayload } from './scale-payload.js';
import { start } from './start.js';

/** Every measure, in the order of the report. */
export const MEASURES: readonly Measure[] = [
  receiveGlob,
  receiveLiteral,
  receiveValidated,
  receiveBounded,
  emit,
  emitBursts,
  requests,
  requestLatency,
  replyFanOut,
  latency,
  publishRate,
  manyChannels,
  observerFanOut,
  scaleHandlers,
  scaleChannels,
  scalePayload,
  scaleBacklog,
  start,
  installedSize,
  redisBenchmark,
];
