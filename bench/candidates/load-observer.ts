import type { Observer, ObserverName, ObserverOptions } from './observer.js';

const LOADERS: Record<
  ObserverName,
  () => Promise<{ createObserver(options: ObserverOptions): Promise<Observer> }>
> = {
  ours: () => import('./our-observer.js'),
  ioredis: () => import('./ioredis-observer.js'),
};

/** Loads one observer and not the other, because its modules would be measured too. */
export async function loadObserver(
  name: ObserverName,
  options: ObserverOptions,
): Promise<Observer> {
  return (await LOADERS[name]()).createObserver(options);
}
