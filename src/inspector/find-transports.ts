import type { ModulesContainer } from '@nestjs/core';
import { PubSubInspector } from '../introspection/pub-sub-inspector.js';
import { RESOLVED_OPTIONS } from '../module/redis-pubsub-core.module.js';
import { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { InspectedTransport } from './transport-view.js';

type Modules = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** The `RedisPubSubModule`s of an application, each under another name. */
export function findTransports(modules: ModulesContainer): InspectedTransport[] {
  const found = [...modules.values()].flatMap(transportOf);
  return found.map((it, i) => ({ ...it, name: distinct(it.name, found.slice(0, i)) }));
}

function transportOf(module: Modules): InspectedTransport[] {
  const { options, inspector, service } = providersOf(module);
  if (!options || !inspector || !service) return [];
  const { name, prefix, sharded } = options;
  return [{ name, prefix, sharded, inspector, service }];
}

function providersOf(module: Modules) {
  return {
    options: module.getProviderByKey<ResolvedOptions>(RESOLVED_OPTIONS)?.instance,
    inspector: module.getProviderByKey<PubSubInspector>(PubSubInspector)?.instance,
    service: module.getProviderByKey<RedisPubSubService>(RedisPubSubService)?.instance,
  };
}

/** Modules need not have different names. */
function distinct(name: string, before: readonly { readonly name: string }[]): string {
  const count = before.filter((it) => it.name === name).length;
  return count === 0 ? name : `${name} (${count + 1})`;
}
