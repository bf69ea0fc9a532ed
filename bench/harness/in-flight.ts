/** Calls `run` `count` times with at most `limit` calls in flight. */
export async function runInFlight(
  count: number,
  limit: number,
  run: () => Promise<unknown>,
): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: limit }, work));
}
