import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { InvalidOptionError } from '../errors.js';
import { BusHolder } from '../module/redis-pubsub-core.module.js';
import type { MessageBus } from '../transport/message-bus.js';

/** The bus of the only `RedisPubSubModule` of an application, or of the one with this `transportId`. */
export function findBus(app: INestApplicationContext, transportId?: symbol | number): MessageBus {
  const buses = busesOf(app);
  const found =
    transportId === undefined
      ? buses
      : buses.filter(({ options }) => options.transportId === transportId);
  const [bus, other] = found;
  if (bus && !other) return bus;
  throw new InvalidOptionError(
    transportId === undefined && other
      ? `The application has ${found.length} RedisPubSubModules: name the "transportId" of the one whose connections the adapter of Socket.IO uses`
      : `The adapter of Socket.IO uses the connections of a RedisPubSubModule, and the application has none${transportId === undefined ? '' : ' with this "transportId"'}: import RedisPubSubModule.forRoot(…)`,
  );
}

function busesOf(app: INestApplicationContext): MessageBus[] {
  if (typeof (app as Partial<INestApplicationContext> | undefined)?.get !== 'function') {
    throw new InvalidOptionError('app', 'an application of Nest', app);
  }
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  const holders = modules.map((module) => module.getProviderByKey<BusHolder>(BusHolder)?.instance);
  return holders.flatMap((holder) => holder?.bus ?? []);
}
