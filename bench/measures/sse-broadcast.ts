import type { Bench } from '../harness/bench.js';
import type { Remote } from '../harness/child.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMost } from '../harness/target.js';
import type { SseGatewayCommands, StreamForm } from '../processes/sse-gateway.js';

const STREAMS = { full: 10_000, quick: 50 };
const MESSAGES = { full: 3, quick: 2 };
const ROUNDS = { full: 3, quick: 1 };
const BYTES_PER_KILOBYTE = 1_000;
const FORMS: Readonly<Record<StreamForm, string>> = {
  observe: '`@Sse()` returns `observe(…)`',
  shared: '`@Sse()` returns text that is encoded once',
  response: 'bytes that are encoded once, and `response.write`',
  socket: 'bytes that are encoded once, and `socket.write`',
};

interface Cost {
  /** Microseconds of CPU for each stream that a message goes to. */
  readonly cpu: number;
  /** Resident bytes of the gateway for each open stream. */
  readonly memory: number;
}

/** The cost of one message for each stream of server-sent events that it goes to, and of a stream itself. */
export const sseBroadcast: Measure = {
  name: 'sse-broadcast',
  title: `One message to ${STREAMS.full.toLocaleString('en')} SSE streams of a gateway`,

  async run(bench) {
    const forms = Object.keys(FORMS) as StreamForm[];
    const rounds = await bench.runInRounds(forms, (form) => measureForm(bench, form), ROUNDS);
    const rows = forms.flatMap((form) => {
      const costs = new Map([['ours', rounds.get(form) ?? []]]);
      const targets = form === 'socket' ? [atMost(15, 'µs')] : [];
      return [
        rowOf(
          `${this.title}: ${FORMS[form]}`,
          'µs of CPU per stream',
          figuresOf(costs, ({ cpu }) => cpu),
          targets,
        ),
        rowOf(
          '… memory of the gateway for each open stream',
          'kB',
          figuresOf(costs, ({ memory }) => memory / BYTES_PER_KILOBYTE),
        ),
      ];
    });
    return {
      rows,
      notes: [
        'Nest formats each event for each stream, and pipes it through a stream of its own.',
        'The response whose socket is written to has neither chunks nor a length.',
      ],
    };
  },
};

function measureForm(bench: Bench, form: StreamForm): Promise<Cost> {
  const [streams, messages] = [bench.pick(STREAMS), bench.pick(MESSAGES)];
  const measure = (gateway: Remote<SseGatewayCommands>): Promise<Cost> =>
    bench.withProcess('sse-reader', async (reader) => {
      const port = await gateway.listen(bench.redis.port);
      // The first streams load and compile the code, which must not count as memory of streams.
      const first = streams / 10;
      await reader.open(port, form, first);
      const before = (await gateway.memory()).rss;
      await reader.open(port, form, streams - first);
      const memory = ((await gateway.memory()).rss - before) / (streams - first);
      const broadcast = async (): Promise<number> => {
        await reader.expect(streams * messages);
        await gateway.publish(messages);
        await reader.completed();
        return (await gateway.usage()).cpu / streams / messages;
      };
      await broadcast();
      return { cpu: await bench.sample(broadcast, (cpu) => cpu), memory };
    });
  return bench.withProcess('sse-gateway', measure, { nodeOptions: ['--expose-gc'] });
}
