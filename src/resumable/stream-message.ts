/** How a stream has ended. */
export type StreamOutcome = 'completed' | 'stopped' | 'failed' | 'too-long' | 'closed';

const OUTCOMES: readonly unknown[] = [
  'completed',
  'stopped',
  'failed',
  'too-long',
  'closed',
] satisfies StreamOutcome[];

/** No stream has more chunks: a message with a larger number is none of a writer. */
const MAX_NUMBER = 100_000;
/** The longest delay that a timer of Node takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;
const WRITER = /^[\w-]{11}$/;
const POSITION = /^([\w-]{11})\.(\d{1,6})$/;

/** The first message of a stream. Of several writers with one id, the one whose `start` Redis has first owns the id. */
export interface StartMessage {
  readonly writer: string;
  /** The `writerTimeout` of the writer. */
  readonly start: number;
}

/** Chunks that follow each other. */
export interface ChunksMessage {
  readonly writer: string;
  /** The number of the first one. */
  readonly from: number;
  readonly chunks: readonly unknown[];
}

/** A sign of the writer; with an `outcome`, the end of the stream. */
export interface SignMessage {
  readonly writer: string;
  /** The number of the last chunk that Redis has. */
  readonly last: number;
  readonly outcome?: StreamOutcome;
}

/** A message on the channel of a stream. */
export type StreamMessage = StartMessage | ChunksMessage | SignMessage;

/** Reads the data of a message. Any program may have published it: `undefined` if it is none of a writer. */
export function readStreamMessage(data: unknown): StreamMessage | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { writer, start, from, chunks, last, outcome } = data as Readonly<Record<string, unknown>>;
  if (typeof writer !== 'string' || !WRITER.test(writer)) return undefined;
  if (start !== undefined) return isNumber(start, 1, MAX_DELAY_MS) ? { writer, start } : undefined;
  if (chunks !== undefined) return readChunks(writer, from, chunks);
  if (!isNumber(last, 0)) return undefined;
  return readSign({ writer, last }, outcome);
}

function readSign(sign: SignMessage, outcome: unknown): SignMessage | undefined {
  if (outcome === undefined) return sign;
  return isOutcome(outcome) ? { ...sign, outcome } : undefined;
}

function readChunks(writer: string, from: unknown, chunks: unknown): ChunksMessage | undefined {
  if (!isNumber(from, 1) || !Array.isArray(chunks)) return undefined;
  return isNumber(from + chunks.length, 1) ? { writer, from, chunks } : undefined;
}

/** The first start among the messages that Redis has, in their order. */
export function findStart(messages: readonly StreamMessage[]): StartMessage | undefined {
  return messages.find((it) => 'start' in it);
}

/** A place in a stream: behind the chunk with this number. */
export interface StreamPosition {
  readonly writer: string;
  readonly number: number;
}

/** The text of a position. */
export function formatStreamPosition({ writer, number }: StreamPosition): string {
  return `${writer}.${number}`;
}

/** Reads a text of {@link formatStreamPosition}. Any client may have sent it: `undefined` if it is none. */
export function parseStreamPosition(text: string): StreamPosition | undefined {
  const [, writer, number] = POSITION.exec(text) ?? [];
  return writer === undefined ? undefined : { writer, number: Number(number) };
}

function isOutcome(value: unknown): value is StreamOutcome {
  return OUTCOMES.includes(value);
}

function isNumber(value: unknown, least: number, most = MAX_NUMBER): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
