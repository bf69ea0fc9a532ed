/** Calls `act` with each item. Where it throws, calls `onThrown` and goes on with the next item. */
export function forEachSafely<T>(
  items: Iterable<T>,
  act: (item: T) => void,
  onThrown: (thrown: unknown, item: T) => void,
): void {
  for (const item of items) {
    try {
      act(item);
    } catch (thrown) {
      onThrown(thrown, item);
    }
  }
}
