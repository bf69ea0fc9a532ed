import type { JsonSchema } from '../contracts/schema.js';

/** A reference to another part of the document. */
export interface AsyncApiReference {
  readonly $ref: string;
}

/** What an application is. Further fields of AsyncAPI, such as `license`, may be given. */
export interface AsyncApiInfo {
  readonly title: string;
  /** The version of the application. */
  readonly version: string;
  readonly description?: string;
  readonly [field: string]: unknown;
}

/** A Redis that is used. Further fields of AsyncAPI may be given. */
export interface AsyncApiServer {
  /** Host and port, such as `redis.example.com:6379`. */
  readonly host: string;
  readonly protocol: string;
  readonly description?: string;
  readonly [field: string]: unknown;
}

/** A message on a channel. */
export interface AsyncApiMessage {
  readonly name: string;
  readonly payload: JsonSchema;
}

/** A channel, or a pattern of channels. */
export interface AsyncApiChannel {
  /** The name at Redis, with `{id}` for each parameter. `null` for a glob, and for a name with braces. */
  readonly address: string | null;
  readonly messages: Readonly<Record<string, AsyncApiMessage>>;
  readonly parameters?: Readonly<Record<string, object>>;
  /** How a handler subscribes, and the name or glob at Redis. */
  readonly 'x-redis'?: { readonly command: string; readonly name: string };
}

/** What the application does with a channel. */
export interface AsyncApiOperation {
  readonly action: 'send' | 'receive';
  readonly channel: AsyncApiReference;
  readonly messages: readonly AsyncApiReference[];
  readonly reply?: {
    readonly address: { readonly location: string };
    readonly channel: AsyncApiReference;
    readonly messages: readonly AsyncApiReference[];
  };
}

/** A document in AsyncAPI 3.0. It is plain data: write it with `JSON.stringify`. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0';
  readonly info: AsyncApiInfo;
  readonly defaultContentType: string;
  readonly servers?: Readonly<Record<string, AsyncApiServer>>;
  readonly channels: Readonly<Record<string, AsyncApiChannel>>;
  readonly operations: Readonly<Record<string, AsyncApiOperation>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}
