/**
 * A map of what is there for a moment only, thousands of times a second.
 *
 * A `Map` replaces its table all the time then, and each table refers to the one that took its place:
 * once V8 has moved one of them to the old generation, all that follow survive with whatever they
 * held, and every minor collection copies it, until a major one. An object without a prototype has
 * no such chain.
 */
export class TransientMap<Value> {
  #entries = createEntries<Value>();

  get(key: string | number): Value | undefined {
    return this.#entries[key];
  }

  set(key: string | number, value: Value): void {
    this.#entries[key] = value;
  }

  delete(key: string | number): void {
    delete this.#entries[key];
  }

  values(): Value[] {
    return Object.values(this.#entries) as Value[];
  }

  clear(): void {
    this.#entries = createEntries();
  }
}

function createEntries<Value>(): Record<string, Value | undefined> {
  return Object.create(null) as Record<string, Value | undefined>;
}
