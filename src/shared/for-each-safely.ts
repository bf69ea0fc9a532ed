/** Does something to each, and goes on with the others where it throws: `onThrown` is told. */
export function eachDespite<T>(
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
