import type {
  CanActivate,
  ConfigurableModuleAsyncOptions,
  ModuleMetadata,
  Type,
} from '@nestjs/common';
import { InvalidOptionError } from '../errors.js';
import { checkBoolean, checkMilliseconds } from '../options/option-checks.js';
import { unknownName } from '../options/unknown-option.js';
import { withoutText } from '../shared/clean-error.js';

/** A guard of Nest: its class, which Nest creates with its dependencies, or an object. */
export type PubSubInspectorGuard = Type<CanActivate> | CanActivate;

/** What the page shows, and how often. The factory of `forRootAsync` returns these options. */
export interface PubSubInspectorPageOptions {
  /**
   * Whether the page shows the messages of a channel that its reader chooses. The payloads may be personal. A channel is
   * observed only while a page shows it.
   *
   * @defaultValue `false`
   */
  readonly messages?: boolean;

  /**
   * How often the page asks for new figures, in milliseconds, from 500 on. All readers of the page share the answers.
   *
   * @defaultValue `2000`
   */
  readonly refreshInterval?: number;
}

/** Where the page is, and who may read it. */
interface RouteOptions extends Pick<ModuleMetadata, 'imports'> {
  /**
   * The path of the page, below the global prefix of the application. It has no version.
   *
   * @defaultValue `'/pubsub'`
   */
  readonly route?: string;

  /**
   * The guard, or the guards, that each request for the page and its data must pass. Nest resolves the dependencies of a
   * class from `imports`, and from global modules. `false`: everyone who reaches the application may read the page.
   */
  readonly guard: PubSubInspectorGuard | readonly PubSubInspectorGuard[] | false;
}

/** Options of `PubSubInspectorModule.forRoot`. */
export interface PubSubInspectorModuleOptions extends RouteOptions, PubSubInspectorPageOptions {}

/** Options of `PubSubInspectorModule.forRootAsync`: Nest needs `route` and `guard` before it calls a factory. */
export interface PubSubInspectorModuleAsyncOptions
  extends
    RouteOptions,
    Omit<ConfigurableModuleAsyncOptions<PubSubInspectorPageOptions>, 'imports'> {}

/** Where the page is, and the guards of its requests; no guard where anyone may read it. */
export interface InspectorRoute {
  readonly route: string;
  readonly guards: readonly PubSubInspectorGuard[];
}

/** The options of the page, each with its value. */
export type ResolvedPageOptions = Readonly<Required<PubSubInspectorPageOptions>>;

const ROUTE_NAMES = ['route', 'guard', 'imports'] as const;
const PAGE_NAMES = ['messages', 'refreshInterval'] as const;
const ASYNC_NAMES = [
  'inject',
  'useFactory',
  'useClass',
  'useExisting',
  'provideInjectionTokensFrom',
];
const MIN_INTERVAL_MS = 500;

/** Checks the options of `forRoot`. Throws `InvalidOptionError`. */
export function assertOptions(options: PubSubInspectorModuleOptions): void {
  assertNames(options, [...ROUTE_NAMES, ...PAGE_NAMES]);
}

/** Checks the options of `forRootAsync`, but for the result of the factory. Throws `InvalidOptionError`. */
export function assertAsyncOptions(options: PubSubInspectorModuleAsyncOptions): void {
  assertNames(options, [...ROUTE_NAMES, ...ASYNC_NAMES]);
}

/** Checks the options of the page. Throws `InvalidOptionError`. */
export function resolvePageOptions(options: PubSubInspectorPageOptions): ResolvedPageOptions {
  assertNames(options, PAGE_NAMES);
  const { messages = false, refreshInterval = 2000 } = options;
  return {
    messages: checkBoolean('messages', messages),
    refreshInterval: checkMilliseconds('refreshInterval', refreshInterval, MIN_INTERVAL_MS),
  };
}

/** Checks where the page is, and its guards. Throws `InvalidOptionError`. */
export function resolveRoute({ route = '/pubsub', guard }: RouteOptions): InspectorRoute {
  return { route: checkRoute(route), guards: checkGuards(guard) };
}

function assertNames(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOptionError('options', 'an object', withoutText(options));
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw unknownName('option', unknown, names);
}

function checkRoute(route: unknown): string {
  if (typeof route === 'string' && /^\/?[\w.~-]+(?:\/[\w.~-]+)*$/.test(route)) {
    return `/${route.replace(/^\//, '')}`;
  }
  throw new InvalidOptionError('route', 'a path without parameters, such as "/pubsub"', route);
}

function checkGuards(guard: unknown): readonly PubSubInspectorGuard[] {
  if (guard === false) return [];
  const guards: readonly unknown[] = Array.isArray(guard) ? guard : [guard];
  if (guards.length > 0 && guards.every(isGuard)) return guards;
  throw new InvalidOptionError(
    'guard',
    'a guard of Nest (a class or an object with "canActivate"), an array of them, or false for a page that everyone who reaches the application may read',
    withoutText(guard),
  );
}

function isGuard(value: unknown): value is PubSubInspectorGuard {
  const target: unknown = typeof value === 'function' ? value.prototype : value;
  return (
    typeof target === 'object' &&
    target !== null &&
    typeof Reflect.get(target, 'canActivate') === 'function'
  );
}
