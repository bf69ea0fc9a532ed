import type { Type } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/**
 * Says where a module stands among all others in the life cycle. Nest starts modules from the
 * innermost to the outermost and stops them the other way round, and takes their order from the
 * distance to the root module; there is no other way to be first or last.
 */
export function placeModule(
  modules: ModulesContainer,
  metatype: Type,
  place: 'innermost' | 'outermost',
): void {
  for (const module of modules.values()) {
    if (module.metatype === metatype) {
      // Global modules have the largest number there is.
      module.distance = place === 'innermost' ? Infinity : -1;
    }
  }
}
