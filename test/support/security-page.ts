import { readFileSync } from 'node:fs';

/** The text of the page on security. */
export const SECURITY_PAGE = readFileSync('docs/operations/security.md', 'utf8');

/** The arguments of each ACL command for a shell in a page. */
export function shellAclsOf(page: string): string[][] {
  const commands = [...page.matchAll(/^redis-cli ACL (SETUSER .+)$/gm)];
  return commands.map(([, command = '']) => command.replaceAll("'", '').split(' '));
}

/** The arguments of one ACL command that does what those in a block do. */
const commandOf = (block: string): string[] => {
  const [, user = ''] = /^ACL SETUSER (\S+)/.exec(block) ?? [];
  const rules = [...block.matchAll(/^ACL SETUSER \S+ (.+)$/gm)].map(([, line = '']) => line);
  return ['SETUSER', user, ...rules.join(' ').split(' ')];
};

/**
 * The arguments of the ACL commands on that page: the first block grants the permissions of a service, the second
 * one those for sharded Pub/Sub, the third one those for histories, and the fourth one those for groups.
 */
export const [SERVICE_ACL = [], SHARDED_ACL = [], HISTORY_ACL = [], GROUP_ACL = []] = [
  ...SECURITY_PAGE.matchAll(/^```text\n((?:ACL .+\n)+)```$/gm),
].map(([, block = '']) => commandOf(block));
