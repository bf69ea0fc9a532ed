import type { PlainPublisher } from './plain-publisher.js';
import type { SteadyPublisher } from './steady-publisher.js';
import type { Lanes, Subject } from './subject.js';
import type { Topology } from './topology.js';

/** What a fault can see of the scenario that it strikes. */
export interface Scene {
  readonly topology: Topology;
  readonly subject: Subject;
  readonly lanes: Lanes;
  /** Publishes on the plain lanes, over {@link plain}. */
  readonly publisher: SteadyPublisher;
  readonly plain: PlainPublisher;
  /** Resolves when every listener has heard what is published from now on. */
  hearsFromNowOn(): Promise<unknown>;
}
