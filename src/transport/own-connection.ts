import type { ResolvedOptions } from '../options/resolve-options.js';
import { addBrand, brandOf, brandValue } from '../shared/brand.js';

/** What has the connections. */
interface Bus {
  readonly options: Pick<ResolvedOptions, 'connection'>;
}

const OWN_BUS = brandOf('own-bus');

/** Marks a class whose instances may have connections of their own, as `addBrand`. `read` returns the bus with those. */
export function addBrandWithBus<T extends object>(
  prototype: T,
  brand: symbol,
  read: (instance: T) => Bus | false,
): void {
  addBrand(prototype, brand);
  addBrand(prototype, OWN_BUS, read);
}

/** The option `connection` of a value that has connections of its own, of this copy of the package or another. */
export function ownConnectionOf(value: object): ResolvedOptions['connection'] | undefined {
  // Not of the value itself: one that a test imitates with a proxy has every property.
  const read = brandValue(Object.getPrototypeOf(value), OWN_BUS);
  const bus = typeof read === 'function' && (read(value) as Bus | false);
  return bus ? bus.options.connection : undefined;
}
