import { on, once } from 'node:events';
import { get, type Agent, type IncomingMessage } from 'node:http';
import type { Visitor } from './gateway.js';

export interface StreamResponse {
  readonly response: IncomingMessage;
  /** Whether its connection had carried an answer before. */
  readonly isReused: boolean;
}

/** The answer to a request for a user's stream, on the connection that the agent has for it. */
export async function getStream(visitor: Visitor, agent?: Agent): Promise<StreamResponse> {
  const { url, headers } = visitor.streamRequest();
  const request = get(url, { agent, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, isReused: request.reusedSocket };
}

/** Resolves at the `ready` event of the stream, and reads nothing after it. */
export async function readUntilReady(response: IncomingMessage): Promise<void> {
  let text = '';
  for await (const [chunk] of on(response, 'data')) {
    text += chunk;
    if (text.includes('event: ready\n')) break;
  }
  response.pause();
}
