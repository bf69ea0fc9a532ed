import type { Bench } from '../harness/bench.js';
import { figuresOf, rowOf } from '../harness/figures.js';
import type { Measure } from '../harness/measure.js';
import { atMost } from '../harness/target.js';
import type { StreamForm } from '../processes/sse-gateway.js';

const STREAMS = { full: 10_000, quick: 50 };
const MESSAGES = { full: 3, quick: 2 };
const ROUNDS = { full: 3, quick: 1 };
const FORMS: Readonly<Record<StreamForm, string>> = {
  observe: '`@Sse()` returns `observe(…)`',
  shared: '`@Sse()` returns text that is encoded once',
  response: 'bytes that are encoded once, and `response.write`',
  socket: 'bytes that are encoded once, and `socket.write`',
};

/** The cost of one message for each stream of server-sent events that it goes to. */
export const sseBroadcast: Measure = {
  name: 'sse-broadcast',
  title: `One message to ${STREAMS.full.toLocaleString('en')} SSE streams of a gateway`,

  async run(bench) {
    const forms = Object.keys(FORMS) as StreamForm[];
    const rounds = await bench.runInRounds(forms, (form) => measureForm(bench, form), ROUNDS);
    const rows = forms.map((form) => {
      const figures = figuresOf(new Map([['ours', rounds.get(form) ?? []]]), (cpu) => cpu);
      const targets = form === 'socket' ? [atMost(15, 'µs')] : [];
      return rowOf(`${this.title}: ${FORMS[form]}`, 'µs of CPU per stream', figures, targets);
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

function measureForm(bench: Bench, form: StreamForm): Promise<number> {
  const [streams, messages] = [bench.pick(STREAMS), bench.pick(MESSAGES)];
  return bench.withProcess('sse-gateway', (gateway) =>
    bench.withProcess('sse-reader', async (reader) => {
      const port = await gateway.listen(bench.redis.port);
      await reader.open(port, form, streams);
      const broadcast = async (): Promise<number> => {
        await reader.expect(streams * messages);
        await gateway.publish(messages);
        await reader.completed();
        return (await gateway.usage()).cpu / streams / messages;
      };
      await broadcast();
      return bench.sample(broadcast, (cpu) => cpu);
    }),
  );
}
