import type { ClientProxy } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import type { SendRequest, Emit } from './candidate.js';

/** The part of Nest's `ClientProxy` that both clients implement. */
type Client = Pick<ClientProxy, 'emit' | 'send'>;

const NOTHING = { defaultValue: undefined };

/** Emits events with a Nest client and waits for the result of each. */
export function emitWith(client: Client): Emit {
  return (channel, data) => lastValueFrom(client.emit<unknown>(channel, data), NOTHING);
}

/** Sends requests with a Nest client. */
export function requestWith(client: Client, channel: string, data: unknown): SendRequest {
  return () => lastValueFrom(client.send<unknown>(channel, data));
}
