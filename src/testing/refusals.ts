import { matchTokens, parseGlob, type GlobToken } from '../channel/glob.js';
import type { RefusableCommand } from './faults.js';

/** Redis' answer to a command that an ACL does not allow. */
export const REFUSED = 'NOPERM No permissions to access a channel';

/** The commands that `RedisFaults#refuse` has refused. */
export class Refusals {
  #refused: { readonly command: RefusableCommand; readonly tokens: readonly GlobToken[] }[] = [];

  get isEmpty(): boolean {
    return this.#refused.length === 0;
  }

  /** Refuses a command for all names that a glob matches. */
  add(command: RefusableCommand, name = '*'): void {
    this.#refused.push({ command, tokens: parseGlob(name) });
  }

  clear(): void {
    this.#refused = [];
  }

  /** Whether a command is refused; without the byte string of a `name`, whether it is refused at all. */
  includes(command: string, name?: string): boolean {
    return this.#refused.some(
      (it) =>
        it.command === command &&
        (name === undefined || matchTokens(it.tokens, name) !== undefined),
    );
  }
}
