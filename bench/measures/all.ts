import type { Measure } from '../harness/measure.js';
import { burst } from './burst.js';
import { cluster } from './cluster.js';
import { counts } from './counts.js';
import { emitBursts } from './emit-bursts.js';
import { emit } from './emit.js';
import { groups } from './groups.js';
import { history } from './history.js';
import { installedSize } from './installed-size.js';
import { latency } from './latency.js';
import { manyChannels } from './many-channels.js';
import { messageIds } from './message-ids.js';
import { observerFanOut } from './observer-fan-out.js';
import { publishPatterns } from './publish-patterns.js';
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
import { socketIo } from './socket-io.js';
import { sseBroadcast } from './sse-broadcast.js';
import { start } from './start.js';

/** Every measure, in the order of the report. */
export const MEASURES: readonly Measure[] = [
  receiveGlob,
  receiveLiteral,
  receiveValidated,
  receiveBounded,
  groups,
  emit,
  emitBursts,
  messageIds,
  history,
  requests,
  requestLatency,
  replyFanOut,
  latency,
  publishRate,
  publishPatterns,
  cluster,
  manyChannels,
  observerFanOut,
  sseBroadcast,
  socketIo,
  scaleHandlers,
  scaleChannels,
  scalePayload,
  scaleBacklog,
  burst,
  counts,
  start,
  installedSize,
  redisBenchmark,
];

/** The measures whose targets a quick run must meet, too: they do not depend on the machine. */
export const GUARDS: readonly Measure[] = [burst, counts];
