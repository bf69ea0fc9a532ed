/** What the user typed cannot be run. The process ends with the code 2. */
export class UsageError extends Error {}

/** There is nothing to print, such as no instance. The process ends with the code 3. */
export class NothingFoundError extends Error {}
