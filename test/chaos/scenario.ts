import { setTimeout } from 'node:timers/promises';
import { eventually } from '../support/redis.js';
import { appendMeasurement } from '../support/faults/measurement-file.js';
import type { NumberedChannel } from '../support/faults/numbered-channel.js';
import type { PlainPublisher } from '../support/faults/plain-publisher.js';
import type { Recorder } from '../support/faults/recorder.js';
import { SteadyPublisher } from '../support/faults/steady-publisher.js';
import type { Topology } from '../support/faults/topology.js';
import {
  createChannels,
  startApplication,
  type ApplicationOptions,
  type NumberedChannels,
  type TestApplication,
} from './application.js';
import { applicationConnections } from './application-connections.js';
import { assertCounts, assertFreshSubscription } from './checks.js';
import type { Fault, FaultContext, Injection } from './fault.js';
import { countSockets, LeakWatch, listenersOf } from './leak-watch.js';
import type { Measurement } from './report.js';
import { settings } from './settings.js';

/** A fault that was injected and has stopped. */
export interface PastFault {
  readonly injection: Injection;
  /** From when its recovery is counted. */
  readonly from: number;
}

type Recovery = Pick<Measurement, 'recovery' | 'silence' | 'lost'>;

/**
 * An application that subscribes, publishers that publish at a steady rate, and the faults between them.
 * After each fault, the scenario checks every promise of this package.
 */
export class Scenario implements FaultContext {
  readonly application: TestApplication;
  readonly plain: PlainPublisher;
  readonly publisher: SteadyPublisher;
  readonly #own: SteadyPublisher;
  readonly #leaks: LeakWatch;
  readonly #listeners: number;
  readonly #lasting = new Set<Injection>();
  #sockets = Infinity;
  /** A listener recovers with the first message that was sent after this time. */
  #recoveryFrom = 0;

  private constructor(
    readonly topology: Topology,
    readonly channels: NumberedChannels,
    {
      application,
      plain,
      leaks,
    }: { application: TestApplication; plain: PlainPublisher; leaks: LeakWatch },
  ) {
    this.application = application;
    this.plain = plain;
    this.#leaks = leaks;
    this.#listeners = listenersOf(application);
    this.publisher = new SteadyPublisher(channels.plain, (channel, data) =>
      plain.publish(channel, data),
    );
    this.#own = new SteadyPublisher(channels.own, (channel, data) =>
      application.service.publish(channel, data),
    );
  }

  /** Starts a scenario, calls `body`, closes the scenario, and asserts that it has leaked nothing. */
  static async run(
    topology: Topology,
    body: (scenario: Scenario) => Promise<void>,
    options?: ApplicationOptions,
  ): Promise<void> {
    const scenario = await Scenario.start(topology, options);
    try {
      await body(scenario);
    } catch (error) {
      await scenario.#repair();
      // A test reports its first failure.
      await scenario.#close().catch(() => undefined);
      throw error;
    }
    await scenario.close();
  }

  /** Starts a scenario; resolves when every listener receives. */
  static async start(topology: Topology, options: ApplicationOptions = {}): Promise<Scenario> {
    const leaks = await LeakWatch.start();
    const channels = createChannels(topology);
    const plain = topology.createPublisher();
    await plain.ready();
    const application = await startApplication(topology, channels, options);
    const scenario = new Scenario(topology, channels, { application, plain, leaks });
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

  /** Injects a fault, waits for the recovery, checks every promise, and appends a measurement. */
  async measure(fault: Fault): Promise<void> {
    for (const recorder of this.application.recorders) recorder.resetSilence();
    const past = await this.inject(fault);
    const recovery = await this.recover([past]);
    const measurement: Measurement = {
      topology: this.topology.name,
      fault: fault.name,
      countedFrom: fault.countedFrom,
      ...recovery,
    };
    await appendMeasurement(settings().measurements, measurement);
  }

  /**
   * Injects a fault and stops it.
   *
   * @param fault - The fault.
   * @param duration - How long it lasts, in milliseconds. Default: until it shows its effect.
   */
  async inject(fault: Fault, duration?: number): Promise<PastFault> {
    const injection = await fault.inject(this);
    this.#lasting.add(injection);
    let from = Date.now();
    this.#recoveryFrom = from;
    if (duration === undefined) await injection.showsEffect?.();
    else if (injection.stop) await setTimeout(duration);
    await injection.stop?.();
    if (injection.deliversUntilNoticed) this.#recoveryFrom = Date.now();
    if (fault.countedFrom === 'its end') this.#recoveryFrom = from = Date.now();
    return { injection, from };
  }

  /** Resolves when every listener has received a message of now; returns the number of that message. */
  async receivesFromNowOn(): Promise<(channel: NumberedChannel) => number> {
    const { recorders } = this.application;
    const marks = new Map(recorders.map(({ channel }) => [channel, channel.next]));
    const markOf = (channel: NumberedChannel): number => marks.get(channel) ?? 0;
    const behind = (): Recorder[] => recorders.filter((it) => it.last < markOf(it.channel));
    await eventually(
      () => behind().length === 0,
      () => `every listener receives the messages of now: ${this.#describe(behind())}`,
    );
    return markOf;
  }

  /** Resolves when the application has recovered from past faults and every check has passed. */
  async recover(past: readonly PastFault[]): Promise<Recovery> {
    const { recorders } = this.application;
    const from = this.#recoveryFrom;
    const deaf = (): Recorder[] => recorders.filter((it) => it.recoveredAt(from) === undefined);
    await eventually(
      () => deaf().length === 0,
      () => `every listener recovers: ${this.#describe(deaf())}`,
    );
    const recoveredAt = Math.max(...recorders.map((it) => it.recoveredAt(from) ?? 0));
    const recovery = recoveredAt - (past.at(-1)?.from ?? 0);
    await eventually(
      () => this.application.status === 'connected',
      () => `the application is connected: ${this.#describe([])}`,
    );
    await assertFreshSubscription(this);
    for (const { injection } of past) await this.#cleanUp(injection);
    await assertCounts(this);
    const lost = await this.#check();
    await this.#assertNoGrowth();
    const silence = Math.max(...recorders.map(({ longestSilence }) => longestSilence));
    return { recovery, silence, lost };
  }

  /** Closes the application while a fault lasts, and repairs the servers. */
  async closeDuring(fault: Fault): Promise<void> {
    const injection = await fault.inject(this);
    this.#lasting.add(injection);
    await injection.showsEffect?.();
    await this.#close();
    await this.#repair();
  }

  /** Closes the application and the publishers, and asserts that they leak nothing. */
  async close(): Promise<void> {
    await this.#close();
    await eventually(
      async () => (await applicationConnections(this.topology)).length === 0,
      'the application has no connection to Redis',
    );
    await this.#leaks.assertNone();
  }

  async #close(): Promise<void> {
    this.publisher.stop();
    this.#own.stop();
    this.plain.close();
    let isClosed = false;
    const closed = this.application.close().finally(() => {
      isClosed = true;
    });
    const statuses = (): string[] => this.application.clients.map(({ status }) => status);
    await eventually(
      () => isClosed,
      () => `the application is closed: ${statuses().join(', ')}`,
    );
    await closed;
  }

  async #assertNoGrowth(): Promise<void> {
    this.#leaks.assertNoRejection();
    await eventually(
      () => listenersOf(this.application) <= this.#listeners,
      () => `no more listeners than before: ${listenersOf(this.application)}`,
    );
    await eventually(
      () => this.#countSockets() <= this.#sockets,
      () => `no more sockets than before: ${this.#countSockets()}`,
    );
  }

  /** The sockets of this process, without those of the plain publisher: their number varies. */
  #countSockets(): number {
    return countSockets() - this.plain.sockets;
  }

  async #cleanUp(injection: Injection): Promise<void> {
    this.#lasting.delete(injection);
    await injection.cleanUp?.();
  }

  /** Repairs the servers for the next scenario, where a check has failed while a fault lasts. */
  async #repair(): Promise<void> {
    for (const injection of this.#lasting) {
      await injection.stop?.();
      await this.#cleanUp(injection);
    }
  }

  #describe(recorders: readonly Recorder[]): string {
    const { log, clients, status } = this.application;
    const states = recorders.map(
      ({ name, last, channel }) => `${name}: ${last} of ${channel.describe()}`,
    );
    const lines = log.lines.slice(-10).map(({ level, text }) => `${level}: ${text}`);
    const ports = clients.map((client) => `${client.options.port} ${client.status}`);
    return [`${states.join(', ')} (${status}; ${ports.join(', ')})`, ...lines].join('\n');
  }

  /** Checks every message up to now; resolves to the most that one listener lost inside reported gaps. */
  async #check(): Promise<number> {
    const { recorders } = this.application;
    const markOf = await this.receivesFromNowOn();
    await eventually(
      () => recorders.every(({ channel }) => channel.isSettled(markOf(channel))),
      'the outcome of every message is known',
    );
    const checked = [...recorders, ...this.application.audits];
    const violations = checked.flatMap((it) => it.violations(markOf(it.channel)));
    if (violations.length > 0) {
      const shown = violations.slice(0, 5).join('\n');
      throw new Error(`${violations.length} violations, the first of which:\n${shown}`);
    }
    const lost = Math.max(...recorders.map((it) => it.lost(markOf(it.channel)).length));
    for (const recorder of recorders) recorder.removeBefore(markOf(recorder.channel));
    for (const { channel } of recorders) channel.removeBefore(markOf(channel));
    return lost;
  }
}
