/**
 * The mark of a class that every copy of this package in a process has in common. An application may load two, for
 * example its own and that of a linked library, and `instanceof` tells their classes apart.
 */
export function brandOf(name: string): symbol {
  return Symbol.for(`nestjs-redis-pubsub.${name}`);
}

/** Marks the instances of a class, by its prototype; or a class itself. `value` is what {@link brandValue} returns. */
export function addBrand(target: object, brand: symbol, value: unknown = true): void {
  Object.defineProperty(target, brand, { value });
}

/** Whether a value has the mark of a class, of this copy or another. Never throws. */
export function hasBrand(value: unknown, brand: symbol): boolean {
  return brandValue(value, brand) !== undefined;
}

/** What a value is marked with; `undefined` without the mark. Never throws, also where the value does. */
export function brandValue(value: unknown, brand: symbol): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return undefined;
  try {
    return (value as Readonly<Record<symbol, unknown>>)[brand];
  } catch {
    return undefined;
  }
}
