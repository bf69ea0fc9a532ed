import { hopsWith, type Wording } from './bare-hops.js';

interface Request {
  readonly data: unknown;
  readonly id: number;
}

/** The JSON of Nest's requests and replies, read and written at both ends. */
const NEST_JSON: Wording = {
  asker: (pattern, data) => {
    let id = 0;
    return () => JSON.stringify({ pattern, data, id: ++id, replyTo: `${pattern}.reply` });
  },
  answer: (text) => {
    const { data: response, id } = JSON.parse(text) as Request;
    return JSON.stringify({ response, isDisposed: true, id });
  },
  read: (text) => (JSON.parse(text) as { response: unknown }).response,
};

/** Bare ioredis with the JSON of requests: what is left of their time is Nest's and a transport's. */
export const participant = hopsWith(NEST_JSON);
