import { emitKeypressEvents } from 'node:readline';
import type { Size } from './frame.js';
import type { PressedKey } from './keys.js';

/** Where a command prints: `process.stdout`. */
export interface TerminalOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): unknown;
  on(event: 'resize' | 'error', listener: () => void): unknown;
  off(event: 'resize' | 'error', listener: () => void): unknown;
}

/** Where keys come from: `process.stdin`. */
export interface TerminalInput extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
  unref?(): unknown;
}

/** What a {@link Screen} reports. */
export interface ScreenObserver {
  onKey(key: PressedKey): void;
  onResize(): void;
}

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE_END = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';
/** The size that terminals had, for one that does not tell. */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

/** The size of a terminal. */
export function sizeOf({ columns, rows }: TerminalOutput): Size {
  return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows };
}

/** The whole terminal, from `open` to `close`. What was on it before is there again afterwards. */
export class Screen {
  readonly #output: TerminalOutput;
  readonly #input: TerminalInput;
  readonly #onKeypress: (text: string | undefined, key: PressedKey) => void;
  readonly #onResize: () => void;
  #isOpen = false;

  constructor(output: TerminalOutput, input: TerminalInput, observer: ScreenObserver) {
    this.#output = output;
    this.#input = input;
    this.#onKeypress = (text, { name, ctrl }) => observer.onKey({ text, name, ctrl });
    this.#onResize = () => observer.onResize();
  }

  open(): void {
    this.#isOpen = true;
    this.#output.write(ENTER);
    this.#output.on('resize', this.#onResize);
    if (this.#input.isTTY !== true) return;
    emitKeypressEvents(this.#input);
    this.#input.setRawMode?.(true);
    this.#input.on('keypress', this.#onKeypress);
    this.#input.resume();
  }

  /** Draws over what is there, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => line + CLEAR_LINE_END).join('\r\n');
    this.#output.write(HOME + text + CLEAR_BELOW);
  }

  /** Idempotent, and synchronous: it also runs when the process exits. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.off('resize', this.#onResize);
    this.#input.off('keypress', this.#onKeypress);
    if (this.#input.isTTY === true) {
      this.#input.setRawMode?.(false);
      this.#input.pause();
    }
    this.#output.write(LEAVE);
  }
}
