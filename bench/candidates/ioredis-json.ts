import { twoHops, type RequestFormat } from './bare-hops.js';

interface NestRequest {
  readonly data: unknown;
  readonly id: number;
}

/** The JSON of Nest's requests and replies, parsed and written by requester and responder. */
const NEST_JSON: RequestFormat = {
  requestWriter: (pattern, data) => {
    let id = 0;
    return () => JSON.stringify({ pattern, data, id: ++id, replyTo: `${pattern}.reply` });
  },
  answer: (text) => {
    const { data: response, id } = JSON.parse(text) as NestRequest;
    return JSON.stringify({ response, isDisposed: true, id });
  },
  read: (text) => (JSON.parse(text) as { response: unknown }).response,
};

/** Bare ioredis with the JSON of requests. The difference to a Nest candidate is the cost of Nest and its transport. */
export const candidate = twoHops(NEST_JSON);
