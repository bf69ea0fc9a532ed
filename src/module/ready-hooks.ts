import type { ModulesContainer } from '@nestjs/core';
import type { NestModule, Wrapper } from './nest-internals.js';

/**
 * A hook of controllers, providers and modules. It is called once after each start of a server that
 * `RedisPubSubModule` runs, when Redis has acknowledged the subscriptions of all handlers. What it publishes
 * reaches the application's own handlers. In `onModuleInit` and `onApplicationBootstrap` these are not subscribed yet.
 */
export interface OnRedisPubSubReady {
  /**
   * The start waits for it, and fails with its error. With `onStart: 'background'` it is called when Redis is up, and an
   * error is logged.
   *
   * @param transportId - The `transportId` of the module, for an application with several.
   */
  onRedisPubSubReady(transportId: symbol | number): unknown;
}

/** Calls the hooks of an application, all at once, and waits for them. Rejects with the first error. */
export async function callReadyHooks(
  modules: ModulesContainer,
  transportId: symbol | number,
): Promise<void> {
  const instances = new Set([...modules.values()].flatMap((module) => instancesIn(module)));
  const hooked = [...instances].filter((it) => isHooked(it));
  await Promise.all(hooked.map(async (it) => it.onRedisPubSubReady(transportId)));
}

/** The instances whose life cycle hooks Nest calls: those that are not created for each message. */
function instancesIn({ controllers, providers, injectables }: NestModule): unknown[] {
  return [controllers, providers, injectables].flatMap((wrappers) =>
    [...wrappers.values()].flatMap((wrapper) => staticInstances(wrapper)),
  );
}

function staticInstances(wrapper: Wrapper): unknown[] {
  if (!wrapper.isDependencyTreeStatic()) return [];
  if (!wrapper.isTransient) return [wrapper.instance];
  return wrapper.getStaticTransientInstances().map((transient) => transient?.instance);
}

function isHooked(instance: unknown): instance is OnRedisPubSubReady {
  if (typeof instance !== 'object' || instance === null) return false;
  return typeof Reflect.get(instance, 'onRedisPubSubReady') === 'function';
}
