import { shorten } from '../errors.js';
import type { InstanceInfo } from '../introspection/instance-types.js';
import type { PubSubInspectorOptions } from '../introspection/pub-sub-inspector.js';
import { jsonText, linesText, type CommandContext } from './command.js';
import { NothingFoundError, UsageError } from './usage-error.js';

/** Redis accepts no others in the name of a user. */
const USER = /^[^\s\0]+$/;
/** The user of clients without a login. */
const DEFAULT_USER = 'default';
/** How many services are listed: a client may forge thousands. */
const MAX_LISTED = 100;

/**
 * Any client that may publish to inboxes can forge an answer, and the prefix decides over the channels. Only instances
 * of this prefix hear the question.
 */
export function ofFleet(
  answered: readonly InstanceInfo[],
  { prefix = '', reservedSegment = '_pubsub' }: PubSubInspectorOptions,
): { readonly instances: readonly InstanceInfo[]; readonly strangers: number } {
  const instances = answered.filter(
    (it) =>
      it.prefix === prefix &&
      it.access.reservedSegment === reservedSegment &&
      it.access.introspectionChannel === `${reservedSegment}.instances.${prefix}`,
  );
  return { instances, strangers: answered.length - instances.length };
}

/**
 * The instances by the names of their services.
 *
 * @throws NothingFoundError if there is none
 */
export function servicesOf(instances: readonly InstanceInfo[]): Map<string, InstanceInfo[]> {
  const services = new Map<string, InstanceInfo[]>();
  for (const instance of instances) {
    const known = services.get(instance.name);
    if (known) known.push(instance);
    else services.set(instance.name, [instance]);
  }
  if (services.size > 0) return services;
  throw new NothingFoundError(
    'No instance has answered. Is one running, with this prefix, and with introspection on?',
  );
}

/**
 * Any client that may publish to inboxes can forge an answer, and so a service with the name of an administrator. No
 * line is printed for a user that only an answer names.
 */
export function listServices(
  services: ReadonlyMap<string, readonly InstanceInfo[]>,
  isJson: boolean,
  { stdout, stderr }: CommandContext,
): never {
  const found = [...services].map(([service, { length }]) => ({ service, instances: length }));
  if (isJson) stdout.write(jsonText(found));
  const rows = found.slice(0, MAX_LISTED).map(({ service, instances }) => {
    const count = `# ${shorten(service)}: ${instances} instance${instances === 1 ? '' : 's'}`;
    return isUser(service) ? count : `${count}; no name of a user, so it needs --user`;
  });
  const more = found.length - rows.length;
  stderr.write(linesText(more > 0 ? [...rows, `# and ${more} more`] : rows));
  throw new UsageError(
    'Expected --service with a service that you know: any client can forge an answer, so the answers choose no user',
  );
}

/** Whether the name of a service can be that of its user. */
export function isUser(name: string): boolean {
  return USER.test(name) && name !== DEFAULT_USER;
}

/** @throws UsageError for a name that no user can have */
export function assertUser(user: string): void {
  if (USER.test(user)) return;
  throw new UsageError(
    `Expected --user, since the name of a user has no white space, got "${shorten(user)}"`,
  );
}
