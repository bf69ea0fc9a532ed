import { describe, expect, it } from 'vitest';
import { AppendScript } from '../../../../src/broker/publishing/append-script.js';
import { PublishPipeline } from '../../../../src/broker/publishing/publish-pipeline.js';
import { UnconfirmedMessages } from '../../../../src/broker/publishing/unconfirmed-messages.js';
import { FakeClient, replyError, type SentCommand } from '../fake-client.js';

const nextTurn = (): Promise<unknown> => new Promise(setImmediate);

/** Runs scripts as Redis does, one command at a time, and may forget them in between. */
class FakeScripts {
  readonly published: string[] = [];
  readonly #waiting: SentCommand[] = [];
  #isKnown = false;

  constructor(client: FakeClient) {
    client.onCommand = (command) => void this.#waiting.push(command);
  }

  /** As SCRIPT FLUSH. */
  forget(): void {
    this.#isKnown = false;
  }

  /** Another client sends the script. */
  learn(): void {
    this.#isKnown = true;
  }

  /** Runs the oldest commands, and answers them. */
  async run(count = Infinity): Promise<void> {
    for (const { name, args, resolve, reject } of this.#waiting.splice(0, count)) {
      if (name === 'eval') this.#isKnown = true;
      if (this.#isKnown) {
        this.published.push(String(args[5]));
        resolve([1]);
      } else {
        reject(replyError('NOSCRIPT No matching script. Please use EVAL.'));
      }
    }
    await nextTurn();
  }
}

const create = () => {
  const client = new FakeClient();
  client.becomeReady();
  const unconfirmed = new UnconfirmedMessages();
  const pipeline = new PublishPipeline(client.redis, unconfirmed);
  const script = new AppendScript(pipeline, unconfirmed, false);
  const list = { key: 'list', size: 10, ttlMs: 1_000 };
  const send = (payload: string) =>
    script.send({ channel: 'a', payload, kind: 'channel', list }, list);
  return { redis: new FakeScripts(client), send };
};

describe('AppendScript', () => {
  it('keeps the order of messages where Redis forgets its scripts between them', async () => {
    const { redis, send } = create();
    const sent = [send('0')];
    await redis.run();
    redis.forget();
    sent.push(send('1'), send('2'), send('3'));
    await nextTurn();
    await redis.run(1);
    sent.push(send('4'));
    await nextTurn();
    for (let i = 0; i < 3; i++) await redis.run();
    expect(await Promise.all(sent)).toEqual([1, 1, 1, 1, 1]);
    expect(redis.published).toEqual(['0', '1', '2', '3', '4']);
  });

  it('keeps it where another client sends the script in between', async () => {
    const { redis, send } = create();
    const sent = [send('0')];
    await redis.run();
    redis.forget();
    sent.push(send('1'), send('2'));
    await nextTurn();
    await redis.run(1);
    redis.learn();
    for (let i = 0; i < 3; i++) await redis.run();
    expect(await Promise.all(sent)).toEqual([1, 1, 1]);
    expect(redis.published).toEqual(['0', '1', '2']);
  });
});
