/**
 * Merges calls that arrive while `load` runs into one more run afterwards, because the running one may
 * have read its data before the change that caused the call.
 *
 * @param {() => Promise<void>} load never rejects
 * @returns {() => Promise<void>}
 */
export function coalesce(load) {
  let isRunning = false;
  let isPending = false;
  return async () => {
    isPending = true;
    if (isRunning) return;
    isRunning = true;
    while (isPending) {
      isPending = false;
      await load();
    }
    isRunning = false;
  };
}
