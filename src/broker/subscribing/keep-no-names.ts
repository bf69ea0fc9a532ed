import type { Redis } from 'ioredis';

interface NameKeeper {
  add: (kind: string, name: string) => void;
}

const forget = (): void => undefined;

/**
 * Has ioredis keep no names of what a connection is subscribed to. It would need them for its own
 * resubscription, which is off: at half a million they take 80 bytes each, and the event loop is held
 * whenever their table grows.
 */
export function keepNoNames({ condition }: Redis): void {
  // Private to ioredis; where it is called otherwise one day, the names are kept.
  const keeper = (condition?.subscriber || undefined) as unknown as NameKeeper | undefined;
  if (keeper && 'add' in keeper) keeper.add = forget;
}
