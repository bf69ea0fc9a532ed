import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { Ask, Emit } from './participant.js';

/** A client of Nest's kind, whatever its events are. */
type Client = Pick<ClientProxy, 'emit' | 'send'>;

const NOTHING = { defaultValue: undefined };

/** Emits with a client of Nest's kind, as an application does that waits for the outcome. */
export function emitWith(client: Client): Emit {
  return (channel, data) => lastValueFrom(client.emit<unknown>(channel, data), NOTHING);
}

/** Asks with a client of Nest's kind. */
export function askWith(client: Client, channel: string, data: unknown): Ask {
  return () => lastValueFrom(client.send<unknown>(channel, data));
}
