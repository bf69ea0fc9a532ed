import type { BusyReceiverCommands } from '../processes/busy-receiver.js';
import type { ClusterTrafficCommands } from '../processes/cluster-traffic.js';
import type { CounterCommands } from '../processes/counter.js';
import type { EmitterCommands } from '../processes/emitter.js';
import type { FanOutCommands } from '../processes/fan-out.js';
import type { GroupMemberCommands } from '../processes/group-member.js';
import type { LatencyReceiverCommands } from '../processes/latency-receiver.js';
import type { ObserverCommands } from '../processes/observer.js';
import type { BoundedReceiverCommands } from '../processes/bounded-receiver.js';
import type { RecoveringObserverCommands } from '../processes/recovering-observer.js';
import type { ReceiverCommands } from '../processes/receiver.js';
import type { ReplyCounterCommands } from '../processes/reply-counter.js';
import type { RequesterCommands } from '../processes/requester.js';
import type { ResponderCommands } from '../processes/responder.js';
import type { SocketServerCommands } from '../processes/socket-server.js';
import type { SseGatewayCommands } from '../processes/sse-gateway.js';
import type { SseReaderCommands } from '../processes/sse-reader.js';
import type { StarterCommands } from '../processes/starter.js';

/** The scripts in `bench/processes`, each a process under test, and the commands that each serves. */
export interface ProcessCommands {
  readonly 'busy-receiver': BusyReceiverCommands;
  readonly 'cluster-traffic': ClusterTrafficCommands;
  readonly counter: CounterCommands;
  readonly emitter: EmitterCommands;
  readonly 'fan-out': FanOutCommands;
  readonly 'latency-receiver': LatencyReceiverCommands;
  readonly 'group-member': GroupMemberCommands;
  readonly observer: ObserverCommands;
  readonly 'bounded-receiver': BoundedReceiverCommands;
  readonly receiver: ReceiverCommands;
  readonly 'recovering-observer': RecoveringObserverCommands;
  readonly 'reply-counter': ReplyCounterCommands;
  readonly requester: RequesterCommands;
  readonly responder: ResponderCommands;
  readonly 'socket-server': SocketServerCommands;
  readonly 'sse-gateway': SseGatewayCommands;
  readonly 'sse-reader': SseReaderCommands;
  readonly starter: StarterCommands;
}
