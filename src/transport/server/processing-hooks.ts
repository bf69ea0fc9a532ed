import type { RedisPubSubContext } from '../redis-pubsub.context.js';

/** Runs before a message, which is handled when it calls `done`. It may be asynchronous, although Nest's type does not say so. */
export type StartHook = (context: RedisPubSubContext, done: () => Promise<void>) => unknown;

/** Runs after a message. It may be asynchronous, although Nest's type does not say so. */
export type EndHook = (context: RedisPubSubContext) => unknown;

/** Takes what a hook threw. Must not throw. */
export type HookFailure = (context: RedisPubSubContext, error: unknown) => void;

/** A message that passes through the start hooks. */
interface Passage {
  readonly hooks: readonly StartHook[];
  readonly context: RedisPubSubContext;
  readonly handle: () => Promise<unknown>;
}

/**
 * Nest's processing hooks, as many of each kind as were set. The last one set runs outermost: its start hook is the
 * first, and its end hook the last.
 */
export class ProcessingHooks {
  readonly #onFailure: HookFailure;
  #starts: readonly StartHook[] = [];
  #ends: readonly EndHook[] = [];

  constructor(onFailure: HookFailure) {
    this.#onFailure = onFailure;
  }

  get hasStart(): boolean {
    return this.#starts.length > 0;
  }

  get hasEnd(): boolean {
    return this.#ends.length > 0;
  }

  /** Messages that are in the hooks already do not meet a new one. */
  addStart(hook: StartHook): void {
    this.#starts = [...this.#starts, hook];
  }

  addEnd(hook: EndHook): void {
    this.#ends = [...this.#ends, hook];
  }

  /**
   * Runs the start hooks, and `handle` inside of the innermost one. Resolves when they have returned, and the handler
   * has ended if they called `done` before. Never rejects.
   */
  start(context: RedisPubSubContext, handle: () => Promise<unknown>): Promise<void> {
    const hooks = this.#starts;
    return this.#pass({ hooks, context, handle }, hooks.length - 1);
  }

  /** Runs the end hooks. None waits for another. */
  end(context: RedisPubSubContext): void {
    for (const hook of this.#ends) void this.#runEnd(hook, context);
  }

  /** Runs the hook at `index`, whose `done` runs the one before it. */
  async #pass(passage: Passage, index: number): Promise<void> {
    const { hooks, context, handle } = passage;
    const hook = hooks[index];
    if (!hook) {
      await handle();
      return;
    }
    const inner: { done?: Promise<void> } = {};
    const done = (): Promise<void> => (inner.done ??= this.#pass(passage, index - 1));
    try {
      await hook(context, done);
    } catch (error) {
      this.#onFailure(context, error);
      if (!inner.done) {
        // The message is left out, also if the hook calls `done` later.
        inner.done = Promise.resolve();
        // The hooks around it have begun something that their end hooks must end.
        if (index < hooks.length - 1) this.end(context);
      }
    }
    // A hook that does not call `done` skips the message; the next one must not wait for it.
    await inner.done;
  }

  async #runEnd(hook: EndHook, context: RedisPubSubContext): Promise<void> {
    try {
      await hook(context);
    } catch (error) {
      this.#onFailure(context, error);
    }
  }
}
