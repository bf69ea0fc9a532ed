import type { AclInstance } from '../../src/acl/needs.js';
import type { HandlerInfo, InstanceAccess } from '../../src/introspection/instance-types.js';

/** What an instance has done that only started, with the default options. */
export const ACCESS: InstanceAccess = {
  topology: 'standalone',
  publishes: false,
  publishesSharded: false,
  requests: false,
  replies: false,
  subscribes: true,
  subscribesPatterns: false,
  subscribesSharded: false,
  globs: [],
  hasMoreGlobs: false,
  sharded: false,
  batchPublishes: false,
  groups: false,
  keepsHistory: false,
  readsHistory: false,
  reservedSegment: '_pubsub',
  notify: 'check',
  probes: true,
  checksAddress: true,
  handshake: [],
  introspectionChannel: '_pubsub.inspect',
  adapterChannels: [],
};

/** One that publishes nothing, not even probes or what it is. */
export const LISTENER: InstanceAccess = { ...ACCESS, probes: false, introspectionChannel: '' };

/** An instance with these handlers. */
export function instance(
  handlers: readonly HandlerInfo[],
  access: InstanceAccess,
  prefix = 'shop:',
): AclInstance {
  return { prefix, handlers, access };
}

/** A handler of events. */
export function event(
  pattern: string,
  subscription: HandlerInfo['subscription'] = pattern.includes('*') ? 'pattern' : 'channel',
  prefix = 'shop:',
): HandlerInfo {
  return { pattern, kind: 'event', subscription, name: prefix + pattern, options: {} };
}

/** A handler of requests. */
export function request(pattern: string): HandlerInfo {
  return { ...event(pattern), kind: 'message' };
}

/** A handler of changes of keys. */
export function key(name: string): HandlerInfo {
  return { pattern: '*', kind: 'key', subscription: 'channel', name, options: {} };
}
