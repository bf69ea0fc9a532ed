import { planAcl, redisLine, setUser, shellLine, type AclPlan } from '../acl/acl-plan.js';
import { LATER_USES, type AclInstance, type LaterUse } from '../acl/needs.js';
import type { ServerVersion } from '../acl/right.js';
import { askVersion, withBroker } from '../acl/with-broker.js';
import { literalGlob } from '../channel/glob.js';
import { shorten } from '../errors.js';
import type { InspectedInstances } from '../introspection/inspector-types.js';
import type { InstanceInfo } from '../introspection/instance-types.js';
import { PubSubInspector } from '../introspection/pub-sub-inspector.js';
import { assertUser, isUser, listServices, ofFleet, servicesOf } from './acl-services.js';
import {
  assertOneOf,
  millisecondsOption,
  textOption,
  textsOption,
  type OptionValues,
} from './arguments.js';
import { jsonText, linesText, type Command, type CommandContext } from './command.js';
import { CONNECTION_OPTIONS, connectionOf } from './connection.js';
import { NothingFoundError, UsageError } from './usage-error.js';

/** A server that may not be asked for its version: no rule that it could not know. */
const UNKNOWN_VERSION: ServerVersion = { major: 7, minor: 0 };

/** The ACL of one service. */
interface ServiceAcl extends AclPlan {
  readonly service: string;
  readonly user: string;
  readonly instances: number;
  /** The arguments of the command ACL. */
  readonly args: readonly string[];
  /** What the reader should know of it. */
  readonly notes: readonly string[];
}

/** What the user asks for. */
interface AclRequest {
  readonly service: string | undefined;
  readonly user: string | undefined;
  readonly channels: readonly string[] | undefined;
  readonly later: ReadonlySet<LaterUse>;
}

/** Prints the ACL line of a service that runs. */
export const ACL: Command = {
  summary: 'Prints the ACL line of a service that runs: the rights that it needs, and no others.',
  options: {
    ...CONNECTION_OPTIONS,
    service: {
      type: 'string',
      value: 'NAME',
      help: 'The service with this "name". Without it, the services that answer are listed',
    },
    user: {
      type: 'string',
      value: 'NAME',
      help: 'The user of Redis. Default: the name of the service',
    },
    channel: {
      type: 'string',
      multiple: true,
      value: 'PATTERN',
      help: 'A channel that it publishes to, or observes at run time. Default: all below the prefix',
    },
    'handlers-only': {
      type: 'boolean',
      help: 'It publishes to no channel and observes none at run time',
    },
    may: {
      type: 'string',
      multiple: true,
      value: 'USE',
      help: `What it may do later, which no instance has done yet: ${LATER_USES.join(', ')}`,
    },
    shell: { type: 'boolean', help: 'Print commands for a shell' },
  },
  run: runAcl,
};

async function runAcl(values: OptionValues, context: CommandContext): Promise<void> {
  const { stdout, stderr, env } = context;
  const request = requestOf(values);
  const timeout = millisecondsOption(values, 'timeout', { fallback: 500, least: 1 });
  const connection = connectionOf(values, env);
  const version = await withBroker({ connection: connection.connection }, askVersion);
  const found = await ask(new PubSubInspector(connection), timeout);
  const { instances, strangers } = ofFleet(found.instances, connection);
  const services = servicesOf(instances);
  stderr.write(linesText(warningsOf(found, version, strangers)));
  if (request.service === undefined) return listServices(services, values.json === true, context);
  const acl = aclOf(
    request.service,
    services.get(request.service) ?? [],
    request,
    version ?? UNKNOWN_VERSION,
  );
  if (values.json === true) {
    stdout.write(jsonText([toJson(acl)]));
    return;
  }
  const toLine = values.shell === true ? shellLine : redisLine;
  stderr.write(linesText(acl.notes.map((note) => `# ${shorten(acl.service)}: ${note}`)));
  stdout.write(linesText([toLine(acl.args)]));
}

async function ask(
  inspector: PubSubInspector,
  timeout: number,
): Promise<InspectedInstances<InstanceInfo>> {
  try {
    return await inspector.instances({ timeout });
  } finally {
    await inspector.close();
  }
}

function requestOf(values: OptionValues): AclRequest {
  const channels = textsOption(values, 'channel');
  if (channels && values['handlers-only'] === true) {
    throw new UsageError('Expected --channel or --handlers-only, got both');
  }
  const later = textsOption(values, 'may') ?? [];
  for (const use of later) assertOneOf('use', use, LATER_USES);
  const user = textOption(values, 'user');
  if (user !== undefined) assertUser(user);
  return {
    service: textOption(values, 'service'),
    user,
    channels: values['handlers-only'] === true ? [] : channels,
    later: new Set(later as readonly LaterUse[]),
  };
}

function aclOf(
  service: string,
  instances: readonly InstanceInfo[],
  request: AclRequest,
  version: ServerVersion,
): ServiceAcl {
  if (instances.length === 0) {
    throw new NothingFoundError(
      `No instance of the service "${shorten(service)}" has answered. Without --service, the others are listed`,
    );
  }
  const { channels, later, user = service } = request;
  assertUser(user);
  if (request.user === undefined && !isUser(user)) {
    throw new UsageError(
      `Expected --user for the service "${user}": the user of this name is that of Redis`,
    );
  }
  const plan = planAcl(instances.map(withoutOthers), { version, later, channels });
  return {
    ...plan,
    service,
    user,
    instances: instances.length,
    args: setUser(user, plan.rights),
    notes: notesOf(instances, plan, request),
  };
}

function notesOf(
  instances: readonly InstanceInfo[],
  { impossible }: AclPlan,
  { channels, later }: AclRequest,
): string[] {
  const { prefix = '' } = instances[0] ?? {};
  const below = prefix === '' ? 'all channels' : `all below "${shorten(prefix)}"`;
  const others = othersOf(instances);
  const done = doneBy(instances);
  const notDone = LATER_USES.filter((use) => !later.has(use) && !done.has(use));
  return [
    ...(channels ? [] : [`assumed that it uses ${below}; --channel allows fewer`]),
    ...(notDone.length > 0
      ? [`not done yet, and not allowed: ${notDone.join(', ')}; --may adds each`]
      : []),
    ...(others.length > 0
      ? [`left out, since it is outside the prefix: ${others.join(', ')}`]
      : []),
    ...impossible.map(
      (glob) =>
        `no rule allows the glob "${shorten(glob)}", since it has white space; only &* does`,
    ),
    ...(instances.some(({ access }) => access.hasMoreGlobs)
      ? ['it observes more patterns than it can tell: the line lacks some']
      : []),
  ];
}

/** No instance of this package subscribes to others. */
function isOfPrefix(name: string, prefix: string): boolean {
  const starts = [prefix, literalGlob(prefix), '__keyevent@', '__keyspace@', '__subkeyspaceitem@'];
  return starts.some((start) => name.startsWith(start));
}

function withoutOthers({ prefix, handlers, access }: AclInstance): AclInstance {
  return {
    prefix,
    handlers: handlers.filter(({ name }) => isOfPrefix(name, prefix)),
    access: { ...access, globs: access.globs.filter((glob) => isOfPrefix(glob, prefix)) },
  };
}

function othersOf(instances: readonly InstanceInfo[]): string[] {
  const names = instances.flatMap(({ prefix, handlers, access }) =>
    [...handlers.map(({ name }) => name), ...access.globs].filter((it) => !isOfPrefix(it, prefix)),
  );
  return [...new Set(names)].map((name) => `"${shorten(name)}"`);
}

function doneBy(instances: readonly InstanceInfo[]): Set<LaterUse> {
  const has = (test: (access: InstanceInfo['access']) => boolean): boolean =>
    instances.some(({ access }) => test(access));
  const done = new Set<LaterUse>();
  if (has(({ requests }) => requests)) done.add('request');
  if (has((it) => it.sharded || it.publishesSharded || it.subscribesSharded)) done.add('shard');
  if (has(({ keepsHistory }) => keepsHistory)) done.add('history');
  if (has(({ readsHistory }) => readsHistory)) done.add('recover');
  return done;
}

function warningsOf(
  { silent, missing }: InspectedInstances<InstanceInfo>,
  version: ServerVersion | undefined,
  strangers: number,
): string[] {
  const unheard = (silent ?? 0) + missing.length;
  return [
    ...(unheard > 0 ? [`# ${unheard} instances have not answered: a line may lack rights`] : []),
    ...(strangers > 0 ? [`# ${strangers} answers are not from instances of this prefix`] : []),
    ...(version ? [] : ['# Redis does not tell its version: the lines are for Redis 7.0']),
  ];
}

function toJson({ rights, ...acl }: ServiceAcl): object {
  const line = redisLine(acl.args);
  return { ...acl, line, rights: rights.map(({ rule, reason }) => ({ rule, reason })) };
}
