// A process that emits events.
import { runInFlight } from '../harness/in-flight.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, perMessage, type Usage } from '../harness/usage.js';
import { loadCandidate } from '../candidates/load-candidate.js';
import type { Emit, EmitterOptions, CandidateName } from '../candidates/candidate.js';
import { channelName } from '../workload/channels.js';
import { dataOf } from '../workload/payloads.js';

export interface EmitOptions {
  /** The size of the data of each event. */
  readonly bytes: number;
  readonly count: number;
  /** The maximum number of events in flight. */
  readonly inFlight: number;
}

export interface BurstOptions {
  readonly bytes: number;
  readonly bursts: number;
  /** The number of events in one tick; the next burst starts when all of them are confirmed. */
  readonly size: number;
}

const CHANNEL = channelName(0);
let send: Emit;

const commands = {
  async connect(candidate: CandidateName, port: number, options: EmitterOptions): Promise<void> {
    send = await (await loadCandidate(candidate)).connectEmitter(port, options);
  },

  /** Resolves to the usage per event. */
  async emit({ bytes, count, inFlight }: EmitOptions): Promise<Usage> {
    const data = dataOf(bytes);
    const used = meter();
    await runInFlight(count, inFlight, () => send(CHANNEL, data));
    return perMessage(used(), count);
  },

  /** Resolves to the usage per event. */
  async emitBursts({ bytes, bursts, size }: BurstOptions): Promise<Usage> {
    const data = dataOf(bytes);
    const used = meter();
    for (let i = 0; i < bursts; i++) {
      await Promise.all(Array.from({ length: size }, () => send(CHANNEL, data)));
    }
    return perMessage(used(), bursts * size);
  },
};

export type EmitterCommands = typeof commands;

serveCommands(commands);
