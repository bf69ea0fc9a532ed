import type { ModulesContainer } from '@nestjs/core';

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
  readonly container?: {
    getModules(): ModulesContainer;
    replace(token: unknown, options: { readonly useValue: unknown; isProvider: true }): void;
  };
}

/** Replaces each provided value for which `create` returns another one. */
export type ReplaceValues = (create: (value: unknown) => unknown) => void;

/** Calls `listener` when a builder has found all providers, and has created none. */
export function onScanned(builder: object, listener: (replace: ReplaceValues) => void): void {
  const internals = builder as BuilderInternals;
  const { container } = internals;
  const applyOverloadsMap = internals.applyOverloadsMap?.bind(builder);
  if (!applyOverloadsMap || !container) return;
  internals.applyOverloadsMap = () => {
    listener((create) => {
      for (const { providers } of container.getModules().values()) {
        for (const [token, { instance, isNotMetatype, inject }] of providers) {
          // A factory has `inject`, and no instance yet.
          const useValue = isNotMetatype && !inject && instance ? create(instance) : undefined;
          if (useValue) container.replace(token, { useValue, isProvider: true });
        }
      }
    });
    // Last: what the test overrides itself counts.
    applyOverloadsMap();
  };
}
