import { setTimeout as delay } from 'node:timers/promises';

/** A piece of an answer: what was asked, and then the text, token by token. */
export type Piece = { readonly prompt: string } | { readonly text: string };

const TOKENS = 500;
/** Between two tokens, in milliseconds. */
const TOKEN_DELAY_MS = Number(process.env.TOKEN_DELAY ?? 25);

const PARAGRAPHS = [
  'I am no language model. I am a generator of a few sentences, so that this sample runs everywhere and gives the same answer each time.',
  'Each token goes to Redis once, and Redis passes it on to the pages that are open. It also keeps it. So a page that is reloaded gets what it had, and then what is new.',
  'The end is kept, too. A reader that comes later gets the whole answer, and knows that it is complete.\r\nNothing is lost between two lines, whatever they end with: naïve, Zürich, 東京, 🙂.',
  'If Redis restarts, I wait for it, and go on. If the instance that writes me dies, each page is told within seconds.',
];

/** The tokens of the answer to a prompt: always the same. */
export function tokensOf(prompt: string): string[] {
  const tokens = piecesOf(`You asked: ${prompt}\n\n`);
  for (let i = 0; tokens.length < TOKENS; i++) {
    tokens.push(...piecesOf(`${PARAGRAPHS[i % PARAGRAPHS.length]}\n\n`));
  }
  return tokens.slice(0, TOKENS);
}

/** Answers a prompt, slowly. It stands for the stream of a language model, whose request ends with the signal. */
export async function* answer(prompt: string, signal: AbortSignal): AsyncGenerator<Piece> {
  yield { prompt };
  for (const text of tokensOf(prompt)) {
    await delay(TOKEN_DELAY_MS, undefined, { signal });
    yield { text };
  }
}

/** Words with the white space behind them. */
function piecesOf(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? [];
}
