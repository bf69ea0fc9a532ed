import { filtered, frameOf, maxScroll, type Content } from './frame.js';
import { FIRST_VIEW, viewAfter, type PressedKey } from './keys.js';
import { Screen, sizeOf } from './screen.js';
import type { CommandContext } from '../command.js';
import { contentOf, failureText, passed } from './content.js';
import type { Snapshot } from './snapshot.js';

const TITLE = 'nestjs-redis-pubsub top';

/** The table that a terminal shows until a key or a signal ends it. */
export class LiveTop {
  readonly #take: () => Promise<Snapshot>;
  readonly #intervalMs: number;
  readonly #context: CommandContext;
  readonly #screen: Screen;
  readonly #quit = new AbortController();
  readonly #hasColours: boolean;
  #last: Snapshot | undefined;
  #content: Content = { heading: `${TITLE}: asking …`, summary: '', tables: [] };
  #view = FIRST_VIEW;

  /** `take` asks the fleet. */
  constructor(take: () => Promise<Snapshot>, intervalMs: number, context: CommandContext) {
    const { stdout, stdin, env } = context;
    this.#take = take;
    this.#intervalMs = intervalMs;
    this.#context = context;
    this.#hasColours = !env.NO_COLOR;
    this.#screen = new Screen(stdout, stdin, {
      onKey: (key) => this.#onKey(key),
      onResize: () => this.#draw(),
    });
  }

  /** Resolves when the user quits, or when `signal` is aborted. The terminal is then as it was before. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, this.#quit.signal]);
    const removeExit = this.#context.onExit(() => this.#screen.close());
    this.#screen.open();
    const onEnded = (): void => this.#screen.close();
    ended.addEventListener('abort', onEnded);
    try {
      this.#draw();
      while (!ended.aborted) {
        await this.#refresh();
        this.#draw();
        await passed(this.#intervalMs, ended);
      }
    } finally {
      this.#screen.close();
      removeExit();
    }
  }

  async #refresh(): Promise<void> {
    try {
      const now = await this.#take();
      const time = new Date().toTimeString().slice(0, 8);
      this.#content = contentOf(this.#last, now, `${TITLE}  ${time}`);
      this.#last = now;
    } catch (error) {
      this.#content = { ...this.#content, heading: `${TITLE}: ${failureText(error)}` };
    }
  }

  #onKey(key: PressedKey): void {
    const { tables } = this.#content;
    const size = sizeOf(this.#context.stdout);
    const table = tables[this.#view.table];
    const view = viewAfter(this.#view, key, {
      tables: Math.max(1, tables.length),
      maxScroll: maxScroll(table && filtered(table, this.#view.filter), size),
      page: size.rows,
    });
    if (!view) {
      this.#quit.abort();
      return;
    }
    this.#view = view;
    this.#draw();
  }

  #draw(): void {
    const { stdout } = this.#context;
    this.#screen.draw(frameOf(this.#content, this.#view, sizeOf(stdout), this.#hasColours));
  }
}
