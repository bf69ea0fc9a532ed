import type { INestApplicationContext, InjectionToken } from '@nestjs/common';
import { LazyModuleLoader, type ModulesContainer } from '@nestjs/core';

/** What `Test.createTestingModule` of `@nestjs/testing` returns, as far as it is needed here. */
export interface Builder {
  compile(options?: never): Promise<unknown>;
}

/**
 * The private parts of `TestingModuleBuilder`, read in `@nestjs/testing` 11.1 and 12.1. `compile` calls
 * `applyOverloadsMap` when all modules are scanned and no provider is created.
 */
interface BuilderInternals {
  applyOverloadsMap?(): void;
  readonly container?: { getModules(): ModulesContainer };
}

/** Replaces each provided value for which `create` returns another one. */
export type ReplaceValues = (create: (value: unknown, token: InjectionToken) => unknown) => void;

/** Is called while no provider is created. */
export interface ScanListener {
  /** All providers are found. */
  onScanned(replace: ReplaceValues): void;
  /** The test has overridden its own. */
  onOverridden(replace: ReplaceValues): void;
}

/** Calls `listener` when a builder has found all providers, and has created none. */
export function onScanned(builder: object, listener: ScanListener): void {
  const internals = builder as BuilderInternals;
  const { container } = internals;
  const applyOverloadsMap = internals.applyOverloadsMap?.bind(builder);
  if (!applyOverloadsMap || !container) return;
  const replace: ReplaceValues = (create) => {
    for (const module of container.getModules().values()) {
      for (const [token, { instance, isNotMetatype, inject }] of module.providers) {
        // A factory has `inject`, and no instance yet.
        const useValue = isNotMetatype && !inject && instance ? create(instance, token) : undefined;
        // Not in the container: another module may have another client by this name.
        if (useValue) module.replace(token, { useValue, isProvider: true });
      }
    }
  };
  internals.applyOverloadsMap = () => {
    listener.onScanned(replace);
    // Later: what the test overrides itself counts.
    applyOverloadsMap();
    listener.onOverridden(replace);
  };
}

/** Runs work, and returns what it returns. */
export type Run = <T>(work: () => T) => T;

/** The methods that call hooks of the application, such as `onModuleInit`. */
const STARTS = ['init', 'listen', 'startAllMicroservices'];
const CREATES = ['createNestApplication', 'createNestMicroservice'];

/** Lets a testing module, the applications that it creates, and its lazy modules start within `run`. */
export function startWithin(module: INestApplicationContext, run: Run): void {
  callWithin(run, module, STARTS);
  callWithin(run, module, CREATES, (app) => callWithin(run, app, STARTS));
  callWithin(run, module.get(LazyModuleLoader, { strict: false }), ['load']);
}

function callWithin(
  run: Run,
  target: object,
  names: readonly string[],
  onResult?: (result: object) => void,
): void {
  const methods = target as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  for (const name of names) {
    const method = methods[name]?.bind(target);
    if (!method) continue;
    methods[name] = (...args) => {
      const result = run(() => method(...args));
      onResult?.(result as object);
      return result;
    };
  }
}
