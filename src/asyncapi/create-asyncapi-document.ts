import type { INestApplicationContext } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Contract } from '../contracts/contract.js';
import { contractIn } from '../contracts/handler.decorators.js';
import type { JsonSchema } from '../contracts/schema.js';
import { InvalidOptionError } from '../errors.js';
import { onConnectedServer, type Container } from '../module/nest-internals.js';
import { optionsOfModules, serversOfModules } from '../module/redis-pubsub-core.module.js';
import { checkName } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import type { HandlerRoute } from '../transport/server/handler-route.js';
import { isPubSubServer, type RedisPubSubServer } from '../transport/server/redis-pubsub.server.js';
import type { AsyncApiDocument, AsyncApiInfo, AsyncApiServer } from './asyncapi-document.js';
import { DocumentBuilder, type Described } from './document-builder.js';
import { SchemaComponents, type ToJsonSchema } from './schema-components.js';

/** Options of {@link createAsyncApiDocument}. */
export interface AsyncApiOptions {
  /** The title and the version of the application. */
  readonly info: AsyncApiInfo;

  /**
   * The Redis servers, by names of your own. They are not read from the `connection`, which may have a password.
   *
   * @defaultValue none
   */
  readonly servers?: Readonly<Record<string, AsyncApiServer>>;

  /**
   * The contracts whose events and requests the application sends.
   *
   * @defaultValue none
   */
  readonly sends?: readonly Contract[];

  /**
   * Describes a schema in JSON Schema (draft 7), for libraries that do not do so themselves.
   *
   * @defaultValue what the schema says of itself, as those of Zod 4 and ArkType do
   */
  readonly toJsonSchema?: ToJsonSchema;

  /**
   * JSON Schemas that others refer to, as `#/components/schemas/<name>`.
   *
   * @defaultValue none
   */
  readonly schemas?: Readonly<Record<string, JsonSchema>>;

  /**
   * The format of the payloads. With another codec than JSON, name its own, such as `application/msgpack`.
   *
   * @defaultValue `'application/json'`
   */
  readonly contentType?: string;
}

const OPTIONS: readonly string[] = [
  'info',
  'servers',
  'sends',
  'toJsonSchema',
  'schemas',
  'contentType',
] satisfies (keyof AsyncApiOptions)[];

const COMMANDS = { channel: 'SUBSCRIBE', pattern: 'PSUBSCRIBE', shard: 'SSUBSCRIBE' } as const;

/**
 * Describes an application in AsyncAPI 3.0. Each handler that runs is a `receive` operation, and each name of a contract
 * that it sends is a `send` operation. Payloads are described where a handler has a contract.
 *
 * Call it when the application has started, after `app.init()` or `app.listen()`: handlers are registered then.
 *
 * @throws InvalidOptionError for a wrong option, and for an application without a server of this package
 *
 * @see https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export function createAsyncApiDocument(
  app: INestApplicationContext,
  options: AsyncApiOptions,
): AsyncApiDocument {
  const { info, servers, contentType = 'application/json', schemas = {} } = checkOptions(options);
  const modules = modulesOf(app);
  const components = new SchemaComponents(schemas, options.toJsonSchema);
  const builder = new DocumentBuilder(components);
  for (const described of operationsOf(modules, options.sends)) builder.add(described);
  return {
    asyncapi: '3.0.0',
    info,
    defaultContentType: contentType,
    ...(servers && { servers }),
    channels: builder.channels,
    operations: builder.operations,
    components: { schemas: components.all },
  };
}

function operationsOf(modules: ModulesContainer, sends: readonly Contract[] = []): Described[] {
  const servers = serversOf(modules);
  const receiving = servers.flatMap((server) =>
    // Notifications of keys are no messages of an application.
    [...server.routes].filter((it) => it.isDecoded).map((route) => received(route, server)),
  );
  const [{ prefix } = { prefix: '' }] = optionsOfModules(modules);
  const hasEnvelope = servers.every((server) => server.hasEnvelope);
  const sending = sends.flatMap(sentBy);
  return [
    ...receiving,
    ...sending.map((it) => Object.assign(it, { action: 'send' as const, prefix, hasEnvelope })),
  ];
}

function checkOptions(options: unknown): AsyncApiOptions {
  const given = checkObject<AsyncApiOptions>('options of createAsyncApiDocument', options);
  const unknown = Object.keys(given).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw unknownName('option of createAsyncApiDocument', unknown, OPTIONS);
  }
  const info = checkObject<AsyncApiInfo>('info', given.info);
  checkName('info.title', info.title);
  checkName('info.version', info.version);
  const { toJsonSchema = () => undefined, sends = [] } = given;
  if (typeof toJsonSchema !== 'function') {
    throw new InvalidOptionError('toJsonSchema', 'a function', toJsonSchema);
  }
  if (!Array.isArray(sends)) throw new InvalidOptionError('sends', 'an array of contracts', sends);
  return given;
}

function checkObject<T extends object>(name: string, value: unknown): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  throw new InvalidOptionError(name, 'an object', value);
}

function modulesOf(app: INestApplicationContext): ModulesContainer {
  const get: unknown = Reflect.get(Object(app) as object, 'get');
  if (typeof get === 'function') return app.get(ModulesContainer, { strict: false });
  throw new InvalidOptionError('app', 'an application of Nest', app);
}

/** The servers of modules, and those that the application has connected itself. */
function serversOf(modules: ModulesContainer): RedisPubSubServer[] {
  const servers = new Set(serversOfModules(modules));
  const container = { getModules: () => modules } as unknown as Container;
  onConnectedServer(container, (server) => {
    if (isPubSubServer(server)) servers.add(server);
  }).unsubscribe();
  if (servers.size > 0) return [...servers];
  throw new InvalidOptionError(
    'app',
    'an application with a RedisPubSubModule, or on a RedisPubSubServer',
    'neither',
  );
}

function received(
  { pattern, key: { kind, name }, isEventHandler, handler }: HandlerRoute,
  { hasEnvelope }: RedisPubSubServer,
): Described {
  const found = contractIn(handler.extras);
  const schemas = found && schemasOf(found.contract, found.name);
  return {
    action: 'receive',
    isRequest: !isEventHandler,
    pattern,
    prefix: prefixOf(name, pattern.name, kind === 'pattern'),
    hasEnvelope,
    ...schemas,
    subscription: { command: COMMANDS[kind], name },
  };
}

/** What stands before the name of a pattern at Redis, where a glob has it with escapes. */
function prefixOf(name: string, ownName: string, isGlob: boolean): string {
  const prefix = name.slice(0, name.length - ownName.length);
  return isGlob ? prefix.replaceAll(/\\(.)/g, '$1') : prefix;
}

function schemasOf(contract: Contract, name: string): Pick<Described, 'data' | 'response'> {
  if (contract.kind === 'events') return { data: contract.entries.get(name).schemas };
  const { request: data, response } = contract.entries.get(name).schemas;
  return { data, response };
}

function sentBy(contract: Contract): Omit<Described, 'action' | 'prefix' | 'hasEnvelope'>[] {
  const isRequest = contract.kind === 'requests';
  const all: readonly { readonly name: string; readonly pattern: Described['pattern'] }[] =
    contract.entries.all;
  return all.map(({ name, pattern }) => ({ isRequest, pattern, ...schemasOf(contract, name) }));
}
