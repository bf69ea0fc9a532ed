import type { EmitterCommands } from '../subjects/emitter.js';
import type { FanOutCommands } from '../subjects/fan-out.js';
import type { LatencyReceiverCommands } from '../subjects/latency-receiver.js';
import type { ObservingCommands } from '../subjects/observing.js';
import type { QueueingCommands } from '../subjects/queueing.js';
import type { ReceiverCommands } from '../subjects/receiver.js';
import type { ReplyCounterCommands } from '../subjects/reply-counter.js';
import type { RequesterCommands } from '../subjects/requester.js';
import type { ResponderCommands } from '../subjects/responder.js';
import type { StarterCommands } from '../subjects/starter.js';

/** The scripts in `subjects`, each a process under test, by the commands that they serve. */
export interface Subjects {
  readonly emitter: EmitterCommands;
  readonly 'fan-out': FanOutCommands;
  readonly 'latency-receiver': LatencyReceiverCommands;
  readonly observing: ObservingCommands;
  readonly queueing: QueueingCommands;
  readonly receiver: ReceiverCommands;
  readonly 'reply-counter': ReplyCounterCommands;
  readonly requester: RequesterCommands;
  readonly responder: ResponderCommands;
  readonly starter: StarterCommands;
}
