import { PubSubInspector } from '../../introspection/pub-sub-inspector.js';
import { millisecondsOption, type OptionValues } from '../arguments.js';
import { jsonText, linesText, type Command, type CommandContext } from '../command.js';
import { CONNECTION_OPTIONS, connectionOf } from '../connection.js';
import { contentOf, passed } from './content.js';
import { reportOf } from './frame.js';
import { LiveTop } from './live-top.js';
import { sizeOf } from './screen.js';
import { takeSnapshot, type Snapshot } from './snapshot.js';

/** An instance answers 20 questions a second, and each snapshot has three. */
const MIN_INTERVAL_MS = 250;
/** The width of text that goes into a file or a pipe. */
const REPORT_COLUMNS = 120;

/** How `top` asks. */
interface TopOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Shows what all instances do, again and again. */
export const TOP: Command = {
  summary: 'Shows the instances that run, their handlers, their channels and their problems.',
  options: {
    ...CONNECTION_OPTIONS,
    interval: {
      type: 'string',
      value: 'MS',
      help: 'How often to ask, in milliseconds. Default: 1000',
    },
    once: { type: 'boolean', help: 'Print one snapshot, and end. The default without a terminal' },
  },
  run: runTop,
};

async function runTop(values: OptionValues, context: CommandContext): Promise<void> {
  const { stdout, env, signal } = context;
  const options = {
    intervalMs: millisecondsOption(values, 'interval', { fallback: 1_000, least: MIN_INTERVAL_MS }),
    timeoutMs: millisecondsOption(values, 'timeout', { fallback: 500, least: 1 }),
  };
  const inspector = new PubSubInspector(connectionOf(values, env));
  const isLive = stdout.isTTY === true && values.once !== true && env.TERM !== 'dumb';
  try {
    if (!isLive || values.json === true) {
      await printOnce(inspector, options, values.json === true, context);
    } else {
      const take = (): Promise<Snapshot> => takeSnapshot(inspector, options.timeoutMs);
      await new LiveTop(take, options.intervalMs, context).run(signal);
    }
  } finally {
    await inspector.close();
  }
}

/** A rate needs two snapshots. */
async function printOnce(
  inspector: PubSubInspector,
  { intervalMs, timeoutMs }: TopOptions,
  isJson: boolean,
  { stdout, signal }: CommandContext,
): Promise<void> {
  const before = await takeSnapshot(inspector, timeoutMs);
  await passed(intervalMs, signal);
  const now = await takeSnapshot(inspector, timeoutMs);
  const columns = stdout.isTTY === true ? sizeOf(stdout).columns : REPORT_COLUMNS;
  const { atMs: _, ...told } = now;
  stdout.write(
    isJson ? jsonText(told) : linesText(reportOf(contentOf(before, now, 'top'), columns)),
  );
}
