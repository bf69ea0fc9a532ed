import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outbox } from '../../../../sample/chat/page/outbox.js';
import { RequestError } from '../../../../sample/chat/page/request-error.js';
import { initialState } from '../../../../sample/chat/page/state.js';
import { Store } from '../../../../sample/chat/page/store.js';
import type { Outgoing } from '../../../../sample/chat/page/types.js';

type Answer = { readonly id: number } | RequestError;

const refusal = (code: string, retryInMs?: number) =>
  new RequestError({ code, message: `It is ${code}`, retryInMs });

/** An outbox at a node that gives these answers, and then the next ids. */
function create(...answers: Answer[]) {
  const store = new Store(initialState(), () => undefined);
  const said: string[] = [];
  const stored: number[] = [];
  const connection = {
    isConnected: true,
    request: async (_: string, { key, text }: Outgoing) => {
      said.push(`${text} ${key}`);
      const answer = answers.shift() ?? { id: said.length };
      if (answer instanceof RequestError) throw answer;
      return answer;
    },
  };
  const outbox = new Outbox(store, connection as never, (_room, id) => stored.push(id));
  const waiting = () =>
    store.state.outbox.map(({ text, id, failure, note }) => ({ text, id, failure, note }));
  return { store, outbox, connection, said, stored, waiting };
}

/** The message of the transcript that an outgoing one has become. */
const message = (id: number, { key, text }: Pick<Outgoing, 'key' | 'text'>) => ({
  id,
  key,
  text,
  authorId: 'alice',
  at: id,
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the outbox of the page', () => {
  it('sends one message after the other, and again with the same key', async () => {
    const { outbox, said, stored } = create(refusal('unavailable'));
    outbox.add('lobby', 'One');
    outbox.add('lobby', 'Two');
    await vi.runAllTimersAsync();
    expect(said.map((it) => it.split(' ')[0])).toEqual(['One', 'One', 'Two']);
    expect(said[0]).toBe(said[1]);
    expect(stored).toEqual([2, 3]);
  });

  it('waits as long as the node says', async () => {
    const { outbox, said, waiting } = create(refusal('too-fast', 7_000));
    outbox.add('lobby', 'One');
    await vi.advanceTimersByTimeAsync(6_999);
    expect(said).toHaveLength(1);
    expect(waiting()).toMatchObject([{ note: 'It is too-fast' }]);
    await vi.advanceTimersByTimeAsync(1);
    expect(said).toHaveLength(2);
    expect(waiting()).toMatchObject([{ id: 2, note: undefined }]);
  });

  it('keeps a message that is refused, and goes on with the next', async () => {
    const { store, outbox, stored, waiting } = create(refusal('invalid'));
    outbox.add('lobby', 'One');
    outbox.add('lobby', 'Two');
    await vi.runAllTimersAsync();
    expect(stored).toEqual([2]);
    expect(waiting()).toMatchObject([{ text: 'One', failure: 'It is invalid' }, { text: 'Two' }]);
    outbox.discard(store.state.outbox[0]?.key ?? '');
    expect(waiting()).toMatchObject([{ text: 'Two' }]);
  });

  it('sends what waits with the next connection', async () => {
    const { outbox, connection, said } = create();
    connection.isConnected = false;
    outbox.add('lobby', 'One');
    await vi.runAllTimersAsync();
    expect(said).toEqual([]);
    connection.isConnected = true;
    await outbox.send();
    expect(said).toHaveLength(1);
  });

  it('removes a message that arrives before its answer, and one that arrives after it', async () => {
    const { store, outbox, waiting } = create();
    outbox.add('lobby', 'Early');
    const [early] = store.state.outbox;
    outbox.settle('lobby', [message(1, early as Outgoing)]);
    expect(waiting()).toEqual([]);
    await vi.runAllTimersAsync();
    outbox.add('lobby', 'Late');
    await vi.runAllTimersAsync();
    expect(waiting()).toMatchObject([{ text: 'Late', id: 2 }]);
    const [late] = store.state.outbox;
    outbox.settle('ideas', [message(2, late as Outgoing)]);
    expect(waiting()).toHaveLength(1);
    outbox.settle('lobby', [message(2, late as Outgoing)]);
    expect(waiting()).toEqual([]);
  });
});
