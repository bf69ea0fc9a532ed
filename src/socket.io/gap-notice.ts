import { Logger } from '@nestjs/common';
import type { PubSubGap } from '../broker/broker.js';
import { shorten, textOf } from '../errors.js';
import type { OnSocketGap, SocketGap } from './options.js';
import type { SocketNamespace } from './socket-namespace.js';

/** A gap, and the rooms that it concerns; `undefined` for all sockets. */
interface FoundGap extends PubSubGap {
  readonly rooms: ReadonlySet<string> | undefined;
}

/**
 * Tells the sockets of a namespace that they may have missed broadcasts. The channels of one outage are subscribed again
 * in the same tick, mostly, and make one notice.
 */
export class GapNotice {
  readonly #namespace: SocketNamespace;
  readonly #onGap: OnSocketGap;
  readonly #logger = new Logger('RedisPubSubIoAdapter');
  #found: FoundGap | undefined;

  constructor(namespace: SocketNamespace, onGap: OnSocketGap) {
    this.#namespace = namespace;
    this.#onGap = onGap;
  }

  /** Adds a gap of one room, or of all sockets. */
  add(gap: PubSubGap, room?: string): void {
    const found = this.#found;
    if (!found) queueMicrotask(() => void this.#tell());
    this.#found = {
      from: found && found.from < gap.from ? found.from : gap.from,
      to: gap.to,
      rooms:
        room === undefined || (found && !found.rooms)
          ? undefined
          : new Set([...(found?.rooms ?? []), room]),
    };
  }

  async #tell(): Promise<void> {
    const found = this.#found;
    this.#found = undefined;
    if (!found) return;
    try {
      await this.#obey(found);
    } catch (error) {
      this.#logger.error(
        `onGap of the namespace "${shorten(this.#namespace.name)}" failed: ${textOf(error)}`,
      );
    }
  }

  async #obey({ from, to, rooms }: FoundGap): Promise<void> {
    const { name, local } = this.#namespace;
    const onGap = this.#onGap;
    const affected = rooms ? local.to([...rooms]) : local;
    if (typeof onGap === 'function') {
      const gap: SocketGap = { namespace: name, rooms: rooms && [...rooms], from, to };
      await onGap(gap);
    } else if (onGap === 'emit') {
      const [start, end] = [from, to].map((time) => time.toISOString());
      affected.emit('gap', { from: start, to: end, recovered: false });
    } else if (onGap === 'disconnect') {
      const sockets = await affected.fetchSockets();
      // Not `disconnect`, after which a client does not connect again by itself.
      for (const { conn } of sockets) conn.close();
      if (sockets.length > 0) this.#logDisconnected(sockets.length, from);
    }
  }

  #logDisconnected(count: number, from: Date): void {
    this.#logger.warn(
      `Closed the connections of ${count} sockets in the namespace "${shorten(this.#namespace.name)}": they may have missed broadcasts since ${from.toISOString()}`,
    );
  }
}
