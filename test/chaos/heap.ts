import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** The size of the heap after a garbage collection, in megabytes. */
export function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}
