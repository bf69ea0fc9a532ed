// A process that emits events.
import { runInFlight } from '../harness/in-flight.js';
import { serveCommands } from '../harness/serve-commands.js';
import { meter, perMessage, type Usage } from '../harness/usage.js';
import { loadParticipant } from '../participants/load-participant.js';
import type { Emit, EmitterOptions, ParticipantName } from '../participants/participant.js';
import { channelName } from '../workload/channels.js';
import { dataOf } from '../workload/payloads.js';

export interface Emitting {
  /** The size of the data of each event. */
  readonly bytes: number;
  readonly count: number;
  /** How many are on their way at the same time. */
  readonly inFlight: number;
}

export interface Bursts {
  readonly bytes: number;
  readonly bursts: number;
  /** How many are emitted in one tick; the next burst comes when all of them are confirmed. */
  readonly size: number;
}

const CHANNEL = channelName(0);
let send: Emit;

const commands = {
  async connect(
    participant: ParticipantName,
    port: number,
    options: EmitterOptions,
  ): Promise<void> {
    send = await (await loadParticipant(participant)).connectEmitter(port, options);
  },

  /** What one event took. */
  async emit({ bytes, count, inFlight }: Emitting): Promise<Usage> {
    const data = dataOf(bytes);
    const used = meter();
    await runInFlight(count, inFlight, () => send(CHANNEL, data));
    return perMessage(used(), count);
  },

  /** What one event took. */
  async emitBursts({ bytes, bursts, size }: Bursts): Promise<Usage> {
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
