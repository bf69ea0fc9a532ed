import type { InspectedInstances } from './inspector-types.js';
import type { InstancePing } from './instance-types.js';
import type { Answers } from './instance-question.js';

/** How long an instance that no longer answers is told as missing. */
const MISSING_MS = 60_000;
/** More than any fleet has: others come from a client that forges answers. The ones that answered last are remembered. */
const MAX_KNOWN = 10_000;

/** Remembers which instances have answered, to tell those that no longer do. */
export class KnownInstances {
  readonly #known = new Map<string, { readonly ping: InstancePing; readonly at: number }>();

  /** The answers in their order, with those that are missing. `now` is in milliseconds of the monotonic clock. */
  complete<Instance extends InstancePing>(
    { instances, silent }: Answers<Instance>,
    now = performance.now(),
  ): InspectedInstances<Instance> {
    for (const { id, name, version } of instances) {
      // The map is in the order of the last answers.
      this.#known.delete(id);
      this.#known.set(id, { ping: { id, name, version }, at: now });
    }
    this.#forgetOldest();
    return { instances: instances.toSorted(byName), missing: this.#missing(now), silent };
  }

  #forgetOldest(): void {
    for (const id of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) return;
      this.#known.delete(id);
    }
  }

  #missing(now: number): InstancePing[] {
    const missing: InstancePing[] = [];
    for (const [id, { ping, at }] of this.#known) {
      if (now - at > MISSING_MS) this.#known.delete(id);
      else if (at !== now) missing.push(ping);
    }
    return missing.toSorted(byName);
  }
}

function byName(one: InstancePing, other: InstancePing): number {
  return one.name.localeCompare(other.name) || one.id.localeCompare(other.id);
}
