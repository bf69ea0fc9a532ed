/**
 * Makes calls of `load` that come while one is running one more call after it: what runs may have
 * read before that happened which the call is about.
 *
 * @param {() => Promise<void>} load never rejects
 * @returns {() => Promise<void>}
 */
export function coalesce(load) {
  let isRunning = false;
  let isWanted = false;
  return async () => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      await load();
    }
    isRunning = false;
  };
}
