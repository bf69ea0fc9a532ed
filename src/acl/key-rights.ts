import { SAMPLE, ruleOf } from './channel-rights.js';
import type { AclInstance, Needs } from './needs.js';
import type { Right } from './right.js';

/** Commands on the keys of groups and histories, with arguments that follow the key. */
const CLAIMS: readonly (readonly [command: string, ...args: string[]])[] = [
  ['BITFIELD', 'SET', 'u1', '0', '1'],
  ['PEXPIRE', '1'],
  ['SET', '1'],
];
const KEPT: typeof CLAIMS = [['RPUSH', ''], ['PEXPIRE', '1'], ['LTRIM', '0', '0'], ['RPOP']];
const READ: typeof CLAIMS = [['LRANGE', '0', '0']];

/** The rights to the keys of groups and histories, and to the commands on them. */
export function keyRights(
  instances: readonly AclInstance[],
  { claims, keepsHistory, readsHistory }: Needs,
): Right[] {
  const rights = new Map<string, Right>();
  const add = (start: string, commands: typeof CLAIMS, reason: string): void => {
    const key = start + SAMPLE;
    const [read = ['GET']] = commands.slice(-1);
    const rule = `~${ruleOf(start)}*`;
    if (!rights.has(rule)) rights.set(rule, { rule, reason, command: onKey(read, key) });
    for (const command of commands) {
      const allowed = `+${command[0].toLowerCase()}`;
      if (!rights.has(allowed)) {
        rights.set(allowed, { rule: allowed, reason, command: onKey(command, key) });
      }
    }
  };
  for (const { prefix, access } of instances) {
    const { reservedSegment } = access;
    if (claims) add(`${prefix}${reservedSegment}.claim.`, CLAIMS, 'handlers with a group');
    const lists = `${reservedSegment}.history`;
    if (keepsHistory) add(lists, KEPT, 'messages with history');
    if (readsHistory) add(lists, READ, 'histories that are read');
  }
  return [...rights.values()];
}

function onKey([name, ...args]: (typeof CLAIMS)[number], key: string): Right['command'] {
  return [name, key, ...args];
}
