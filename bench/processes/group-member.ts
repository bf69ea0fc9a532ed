// A process that handles the events of one channel, alone or as a member of a group.
import { createServer } from '../candidates/ours.js';
import { eventController } from '../candidates/controllers.js';
import { serve } from '../candidates/serve.js';
import { serveCommands } from '../harness/serve-commands.js';
import { channelName } from '../workload/channels.js';

/** What a member has done since its start. */
export interface MemberUsage {
  readonly handled: number;
  /** In microseconds. */
  readonly cpu: number;
}

let handled = 0;

const commands = {
  async listen(port: number, group?: string): Promise<void> {
    const controller = eventController([channelName(0)], () => handled++, group ? { group } : {});
    await serve(controller, createServer(port));
  },

  usage(): MemberUsage {
    const { user, system } = process.cpuUsage();
    return { handled, cpu: user + system };
  },
};

export type GroupMemberCommands = typeof commands;

serveCommands(commands);
