// A process that reads many streams of server-sent events.
import { once } from 'node:events';
import { connect } from 'node:net';
import { ArrivalCounter } from '../harness/arrival-counter.js';
import { serveCommands } from '../harness/serve-commands.js';
import type { StreamForm } from './sse-gateway.js';

/** So many connections at a time: the queue of a listening socket is not long. */
const AT_A_TIME = 100;
const EVENT = /^data: \{/gm;

const arrivals = new ArrivalCounter();

const commands = {
  /** Resolves when every stream has its headers. */
  async open(port: number, form: StreamForm, streams: number): Promise<void> {
    for (let i = 0; i < streams; i += AT_A_TIME) {
      const count = Math.min(AT_A_TIME, streams - i);
      await Promise.all(Array.from({ length: count }, () => openStream(port, form)));
    }
  },

  expect(count: number): void {
    arrivals.expect(count);
  },

  async completed(): Promise<void> {
    await arrivals.completed();
  },
};

export type SseReaderCommands = typeof commands;

serveCommands(commands);

async function openStream(port: number, form: StreamForm): Promise<void> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.write(`GET /${form} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'data');
  socket.on('data', (text: string) => {
    for (const _ of text.matchAll(EVENT)) arrivals.increment();
  });
}
