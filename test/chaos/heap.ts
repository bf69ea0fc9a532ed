import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is in use of the heap when everything that can go is gone, in megabytes. */
export function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}
