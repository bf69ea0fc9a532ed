import { setTimeout } from 'node:timers/promises';
import { Lane } from '../chaos/ledger.js';
import { SteadyPublisher } from '../chaos/steady-publisher.js';
import { until } from '../chaos/until.js';
import type { Contestant } from './contestants.js';
import type { Stage, Strike } from './fault.js';
import { Participant } from './participant.js';

/** Who does not hear for so long, in milliseconds, is called deaf. */
export const PATIENCE = 30_000;
/** How long what was published last may be on its way. */
const TRANSIT = 5_000;
/** How often a participant is started anew until it is connected to what the fault hits. */
const MOST_STARTS = 100;

/** The participants of one round, and the publisher that never rests. */
export class Arena {
  readonly #stage: Stage;
  readonly #lanes: ReadonlyMap<Contestant, Lane>;
  readonly #publisher: SteadyPublisher;
  readonly #participants = new Map<Contestant, Participant>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#lanes = new Map(stage.contestants.map((it) => [it, new Lane(stage.channelOf(it))]));
    this.#publisher = new SteadyPublisher(this.lanes, stage.publisher.send);
    this.#publisher.start();
  }

  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  get participants(): readonly Participant[] {
    return [...this.#participants.values()];
  }

  /** Starts every contestant; resolves when each is about to connect. */
  async begin(): Promise<void> {
    for (const contestant of this.#stage.contestants) this.#start(contestant);
    await until('every participant is about to connect', () =>
      this.participants.every(({ isStarting }) => isStarting),
    );
  }

  /** Starts every contestant; resolves when each hears, and is where the fault will strike. */
  async enter(): Promise<void> {
    await Promise.all(this.#stage.contestants.map((contestant) => this.#place(contestant)));
    await this.#allHear();
  }

  /** Resolves when everybody hears again, or never will, and all that was published is heard or lost. */
  async watch({ from }: Strike): Promise<void> {
    const hears = (it: Participant): boolean => it.hasHeardSince(from(it) ?? Infinity);
    await this.#wait(PATIENCE, (it) => it.isOver || hears(it));
    this.#publisher.stop();
    await until('it is known what became of all messages', () =>
      this.lanes.every((lane) => lane.isSettled(lane.next)),
    );
    await this.#wait(TRANSIT, (it) => it.isOver || !hears(it) || it.hasHeardTheLast);
  }

  /** Resolves when no process is left. */
  async close(): Promise<void> {
    this.#publisher.stop();
    await Promise.all(this.participants.map((participant) => participant.leave()));
  }

  #start(contestant: Contestant): Participant {
    const lane = this.#lanes.get(contestant);
    if (!lane) throw new Error(`Expected "${contestant.id}" to be in this arena, it is not`);
    const participant = new Participant(contestant, lane, this.#stage.connectionOf(contestant));
    this.#participants.set(contestant, participant);
    return participant;
  }

  async #place(contestant: Contestant): Promise<void> {
    const { isInPlace = async () => true } = this.#stage;
    for (let starts = 0; starts < MOST_STARTS; starts++) {
      const participant = this.#start(contestant);
      await until(
        () => `${contestant.id} is ready: ${participant.death ?? 'it is not'}`,
        () => participant.readyAt.length > 0,
      );
      if (await isInPlace(participant)) return;
      await participant.leave();
    }
    throw new Error(`Expected ${contestant.id} to connect to what the fault hits, it did not`);
  }

  async #allHear(): Promise<void> {
    const marks = new Map(this.participants.map((it) => [it, it.lane.next]));
    await until('every participant hears', () =>
      this.participants.every((it) => it.last >= (marks.get(it) ?? 0)),
    );
  }

  async #wait(limit: number, isDone: (participant: Participant) => boolean): Promise<void> {
    const deadline = performance.now() + limit;
    while (performance.now() < deadline && !this.participants.every(isDone)) await setTimeout(5);
  }
}
