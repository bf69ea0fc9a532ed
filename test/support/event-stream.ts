import { closeAfterTest } from './app.js';

/** A stream of server-sent events, read as text. */
export interface EventStreamText {
  readonly response: Response;
  readonly text: string;
  readonly hasEnded: boolean;
  /** Leaves it, as a closed tab does. */
  readonly close: () => void;
}

/** Opens a stream, and collects its text and its end; closed after the test. */
export async function openStream(url: string): Promise<EventStreamText> {
  const abort = new AbortController();
  const close = (): void => abort.abort();
  closeAfterTest(async () => close());
  const response = await fetch(url, { signal: abort.signal });
  const stream = { response, text: '', hasEnded: false, close };
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? [])
      stream.text += decoder.decode(chunk, { stream: true });
  };
  // The test, or the server, may abort it.
  void read()
    .catch(() => undefined)
    .finally(() => (stream.hasEnded = true));
  return stream;
}

/** How often a stream was told to load the state. */
export const reloads = ({ text }: EventStreamText): number =>
  text.split('event: reload\n').length - 1;
