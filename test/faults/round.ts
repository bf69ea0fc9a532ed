import { setTimeout } from 'node:timers/promises';
import { CandidateProcess } from '../support/faults/candidate-process.js';
import type { Candidate } from '../support/faults/candidates.js';
import { eventually } from '../support/redis.js';
import { NumberedChannel } from '../support/faults/numbered-channel.js';
import { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Injection, RunningCandidates, Scenario } from './fault.js';

/** A candidate that receives nothing for this long is deaf. */
const DEAF_AFTER_MS = 30_000;
/** How long the last message may take to arrive. */
const DELIVERY_TIMEOUT_MS = 5_000;
/** How many times the round starts a candidate until it is connected to the server that the fault hits. */
const MAX_STARTS = 100;

/** One round of a fault: the candidates, and a publisher that publishes at a steady rate. */
export class Round implements RunningCandidates {
  readonly #scenario: Scenario;
  readonly #channels: ReadonlyMap<Candidate, NumberedChannel>;
  readonly #publisher: SteadyPublisher;
  readonly #processes = new Map<Candidate, CandidateProcess>();

  constructor(scenario: Scenario) {
    const { candidates, publisher } = scenario;
    this.#scenario = scenario;
    this.#channels = new Map(
      candidates.map((it) => [it, new NumberedChannel(scenario.channelOf(it))]),
    );
    this.#publisher = new SteadyPublisher(this.channels, (channel, data) =>
      publisher.publish(channel, data),
    );
    this.#publisher.start();
  }

  get channels(): readonly NumberedChannel[] {
    return [...this.#channels.values()];
  }

  get processes(): readonly CandidateProcess[] {
    return [...this.#processes.values()];
  }

  /** Starts every candidate; resolves when each is about to connect. */
  async start(): Promise<void> {
    for (const candidate of this.#scenario.candidates) this.#start(candidate);
    await eventually(
      () => this.processes.every(({ isStarting }) => isStarting),
      'every candidate is about to connect',
    );
  }

  /** Starts every candidate; resolves when each receives, and is connected to the server that the fault hits. */
  async startInPlace(): Promise<void> {
    await Promise.all(this.#scenario.candidates.map((candidate) => this.#place(candidate)));
    const next = new Map(this.processes.map((it) => [it, it.channel.next]));
    await eventually(
      () => this.processes.every((it) => it.recorder.last >= (next.get(it) ?? 0)),
      'every candidate receives',
    );
  }

  /**
   * Resolves when each candidate receives again or is deaf, and when the outcome of every message is known
   * and the last one has arrived.
   */
  async observe({ countedFrom }: Injection): Promise<void> {
    const receives = (it: CandidateProcess): boolean =>
      it.recorder.hasRecovered(countedFrom(it) ?? Infinity);
    await this.#wait(DEAF_AFTER_MS, (it) => it.isOver || receives(it));
    this.#publisher.stop();
    await eventually(
      () => this.channels.every((channel) => channel.isSettled(channel.next)),
      'the outcome of every message is known',
    );
    await this.#wait(
      DELIVERY_TIMEOUT_MS,
      (it) => it.isOver || !receives(it) || it.recorder.hasLastAccepted,
    );
  }

  /** Stops the publisher and the candidates; resolves when every process has ended. */
  async close(): Promise<void> {
    this.#publisher.stop();
    await Promise.all(this.processes.map((process) => process.stop()));
  }

  #start(candidate: Candidate): CandidateProcess {
    const channel = this.#channels.get(candidate);
    if (!channel) throw new Error(`Expected "${candidate.id}" to be in this round, it is not`);
    const connection = this.#scenario.connectionOf(candidate);
    const process = new CandidateProcess(candidate, channel, connection);
    this.#processes.set(candidate, process);
    return process;
  }

  async #place(candidate: Candidate): Promise<void> {
    const { isInPlace = async () => true } = this.#scenario;
    for (let starts = 0; starts < MAX_STARTS; starts++) {
      const process = this.#start(candidate);
      await eventually(
        () => process.readyAt.length > 0,
        () => `${candidate.id} is ready: ${process.death ?? 'it is not'}`,
      );
      if (await isInPlace(process)) return;
      await process.stop();
    }
    throw new Error(`Expected ${candidate.id} to connect to the server of the fault, it did not`);
  }

  /** Waits for a fact that need not become true: a deaf candidate is a result, and not an error. */
  async #wait(timeoutMs: number, isDone: (process: CandidateProcess) => boolean): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline && !this.processes.every(isDone)) await setTimeout(5);
  }
}
