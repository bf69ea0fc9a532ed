import { setTimeout } from 'node:timers/promises';
import { assertCounts, assertFreshSubscription } from './checks.js';
import { countSockets, LeakWatch, listenersOf } from './leak-watch.js';
import type { PlainPublisher } from './plain-publisher.js';
import { record, type Measurement } from './report.js';
import type { Scene } from './scene.js';
import { SteadyPublisher } from './steady-publisher.js';
import type { Ear, Lane } from './ledger.js';
import {
  createLanes,
  startSubject,
  type Lanes,
  type Subject,
  type SubjectOptions,
} from './subject.js';
import { subjectConnections, type Fault, type Strike, type Topology } from './topology.js';
import { until } from './until.js';

/** A fault that has struck, and is over. */
interface Blow {
  readonly fault: Fault;
  readonly strike: Strike;
  /** From when its recovery is counted. */
  readonly from: number;
}

type Recovery = Pick<Measurement, 'recovery' | 'silence' | 'lost'>;

/**
 * An application that listens, publishers that never rest, and faults that hit what is between them.
 * After each fault everything that the library promises is checked.
 */
export class Scenario implements Scene {
  readonly subject: Subject;
  readonly plain: PlainPublisher;
  readonly publisher: SteadyPublisher;
  readonly #own: SteadyPublisher;
  readonly #leaks: LeakWatch;
  readonly #listeners: number;
  readonly #struck = new Set<Strike>();
  #sockets = Infinity;

  private constructor(
    readonly topology: Topology,
    readonly lanes: Lanes,
    { subject, plain, leaks }: { subject: Subject; plain: PlainPublisher; leaks: LeakWatch },
  ) {
    this.subject = subject;
    this.plain = plain;
    this.#leaks = leaks;
    this.#listeners = listenersOf(subject);
    this.publisher = new SteadyPublisher(lanes.plain, (channel, data) =>
      plain.publish(channel, JSON.stringify(data)),
    );
    this.#own = new SteadyPublisher(lanes.own, (channel, data) =>
      subject.service.publish(channel, data),
    );
  }

  /** Starts one, lets `play` play in it, ends it, and checks that nothing is left of it. */
  static async run(
    topology: Topology,
    play: (scenario: Scenario) => Promise<void>,
    options?: SubjectOptions,
  ): Promise<void> {
    const scenario = await Scenario.start(topology, options);
    try {
      await play(scenario);
    } catch (error) {
      await scenario.#mend();
      // The first failure is the one to tell of.
      await scenario.#close().catch(() => undefined);
      throw error;
    }
    await scenario.end();
  }

  /** Resolves when every listener hears. */
  static async start(topology: Topology, options: SubjectOptions = {}): Promise<Scenario> {
    const leaks = new LeakWatch();
    const lanes = createLanes(topology);
    const plain = topology.createPublisher();
    await until('the plain publisher is ready', () => plain.isReady);
    const subject = await startSubject(topology, lanes, options);
    const scenario = new Scenario(topology, lanes, { subject, plain, leaks });
    scenario.publisher.start();
    scenario.#own.start();
    try {
      await scenario.#check();
    } catch (error) {
      await scenario.#close();
      throw error;
    }
    scenario.#sockets = scenario.#countSockets();
    return scenario;
  }

  /** Lets a fault strike and end, waits for the recovery, checks everything, and notes how long it took. */
  async suffer(fault: Fault): Promise<void> {
    for (const ear of this.subject.ears) ear.rest();
    const blow = await this.strike(fault);
    const recovery = await this.recover([blow]);
    const { name: topology } = this.topology;
    await record({ topology, fault: fault.name, countedFrom: fault.countedFrom, ...recovery });
  }

  /** Lets a fault strike, last for that many milliseconds or for as long as it takes to show, and end. */
  async strike(fault: Fault, duration?: number): Promise<Blow> {
    const strike = await fault.strike(this);
    this.#struck.add(strike);
    let from = Date.now();
    this.#watch(from);
    if (duration === undefined) await strike.lasts?.();
    else if (strike.end) await setTimeout(duration);
    await strike.end?.();
    if (strike.isHeardThrough) this.#watch(Date.now());
    if (fault.countedFrom === 'its end') {
      from = Date.now();
      this.#watch(from);
    }
    return { fault, strike, from };
  }

  /** Resolves to the numbers from which on every listener has heard of each lane. */
  async hearsFromNowOn(): Promise<(lane: Lane) => number> {
    const { ears } = this.subject;
    const marks = new Map(ears.map(({ lane }) => [lane, lane.next]));
    const markOf = (lane: Lane): number => marks.get(lane) ?? 0;
    const behind = (): Ear[] => ears.filter((ear) => ear.last < markOf(ear.lane));
    await until(
      () => `every listener hears what is published now: ${this.#describe(behind())}`,
      () => behind().length === 0,
    );
    return markOf;
  }

  /** Resolves when everything is as it should be after faults that are over. */
  async recover(blows: readonly Blow[]): Promise<Recovery> {
    const { ears } = this.subject;
    const deaf = (): Ear[] => ears.filter(({ recoveredAt }) => recoveredAt === undefined);
    await until(
      () => `every listener hears: ${this.#describe(deaf())}`,
      () => deaf().length === 0,
    );
    const from = blows.at(-1)?.from ?? 0;
    const recovery = Math.max(...ears.map(({ recoveredAt = 0 }) => recoveredAt)) - from;
    await until(
      () => `connected: ${this.#describe([])}`,
      () => this.subject.status === 'connected',
    );
    await assertFreshSubscription(this);
    for (const { strike } of blows) await this.#cleanUp(strike);
    await assertCounts(this);
    const lost = await this.#check();
    await this.#assertNoGrowth();
    return { recovery, silence: Math.max(...ears.map(({ silence }) => silence)), lost };
  }

  /** Closes the application while a fault lasts, and checks that nothing is left of it. */
  async closeDuring(fault: Fault): Promise<void> {
    const strike = await fault.strike(this);
    this.#struck.add(strike);
    await strike.lasts?.();
    await this.#close();
    await this.#mend();
  }

  /** Ends everything, and checks that nothing is left. */
  async end(): Promise<void> {
    await this.#close();
    await until(
      'Redis has no connection of the application',
      async () => (await subjectConnections(this.topology)).length === 0,
    );
    await this.#leaks.assertNone();
  }

  async #close(): Promise<void> {
    this.publisher.stop();
    this.#own.stop();
    this.plain.close();
    let isClosed = false;
    const closed = this.subject.close().finally(() => {
      isClosed = true;
    });
    await until(
      () =>
        `the application closes: ${this.subject.clients.map(({ status }) => status).join(', ')}`,
      () => isClosed,
    );
    await closed;
  }

  async #assertNoGrowth(): Promise<void> {
    this.#leaks.assertNoRejection();
    await until(
      () => `no more listeners than before: ${listenersOf(this.subject)}`,
      () => listenersOf(this.subject) <= this.#listeners,
    );
    await until(
      () => `no more sockets than before: ${this.#countSockets()}`,
      () => this.#countSockets() <= this.#sockets,
    );
  }

  /** All but those of the plain publisher, which has as many as chance will have it. */
  #countSockets(): number {
    return countSockets() - this.plain.sockets;
  }

  async #cleanUp(strike: Strike): Promise<void> {
    this.#struck.delete(strike);
    await strike.cleanUp?.();
  }

  /** Leaves the topology well for the next one, when a check has failed in the middle of a fault. */
  async #mend(): Promise<void> {
    for (const strike of this.#struck) {
      await strike.end?.();
      await this.#cleanUp(strike);
    }
  }

  #watch(from: number): void {
    for (const ear of this.subject.ears) ear.watch(from);
  }

  #describe(ears: readonly Ear[]): string {
    const states = ears.map(({ name, last, lane }) => `${name}: ${last} of ${lane.describe()}`);
    const log = this.subject.log.lines.slice(-10).map(({ level, text }) => `${level}: ${text}`);
    const clients = this.subject.clients.map(({ options, status }) => `${options.port} ${status}`);
    const { status } = this.subject;
    return [`${states.join(', ')} (${status}; ${clients.join(', ')})`, ...log].join('\n');
  }

  /** Checks everything up to now; resolves to the most that one listener lost, in gaps it was told of. */
  async #check(): Promise<number> {
    const { ears } = this.subject;
    const markOf = await this.hearsFromNowOn();
    await until('every publisher knows what became of its messages', () =>
      ears.every(({ lane }) => lane.isSettled(markOf(lane))),
    );
    const violations = ears.flatMap((ear) => ear.violations(markOf(ear.lane)));
    if (violations.length > 0) {
      const shown = violations.slice(0, 5).join('\n');
      throw new Error(`${violations.length} violations, the first of which:\n${shown}`);
    }
    const lost = Math.max(...ears.map((ear) => ear.missing(markOf(ear.lane)).length));
    for (const ear of ears) ear.forget(markOf(ear.lane));
    for (const { lane } of ears) lane.forget(markOf(lane));
    return lost;
  }
}
