import type { ChannelPattern } from '../channel/channel-pattern.js';
import type { JsonSchema, Schema } from '../contracts/schema.js';
import type {
  AsyncApiChannel,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiReference,
} from './asyncapi-document.js';
import type { SchemaComponents } from './schema-components.js';

/** Something that the application sends or receives. */
export interface Described {
  readonly action: 'send' | 'receive';
  readonly isRequest: boolean;
  readonly pattern: ChannelPattern;
  /** The prefix of its channel at Redis. */
  readonly prefix: string;
  readonly hasEnvelope: boolean;
  /** The schemas of its contract, if it has one. */
  readonly data?: Schema | undefined;
  readonly response?: Schema | undefined;
  readonly subscription?: AsyncApiChannel['x-redis'];
}

const TEXT = { type: 'string' } as const;
const ID = { type: ['string', 'number'] } as const;
const HEADERS = { type: 'object', additionalProperties: TEXT } as const;

/** Collects the channels and operations of a document. */
export class DocumentBuilder {
  readonly #schemas: SchemaComponents;
  readonly #channels = new Map<string, AsyncApiChannel>();
  readonly #operations = new Map<string, AsyncApiOperation>();
  /** The ids of channels by their names at Redis. */
  readonly #ids = new Map<string, string>();
  /** The ids of the channels of replies by those of the requests: a channel of an event may have the name of one. */
  readonly #replyIds = new Map<string, string>();

  constructor(schemas: SchemaComponents) {
    this.#schemas = schemas;
  }

  get channels(): Record<string, AsyncApiChannel> {
    return sorted(this.#channels);
  }

  get operations(): Record<string, AsyncApiOperation> {
    return sorted(this.#operations);
  }

  /** Adds an operation, and its channel. One that is there already gets what it lacks. */
  add(described: Described): void {
    const { action, isRequest, pattern, response } = described;
    const id = this.#channel(described);
    const name = isRequest ? 'request' : 'event';
    // A handler without a contract must not replace the schema of another one.
    if (described.data || !this.#channels.get(id)?.messages[name]) {
      this.#addMessage(id, name, { name: pattern.source, payload: this.#payload(described, id) });
    }
    const operation: AsyncApiOperation = {
      action,
      channel: { $ref: `#/channels/${id}` },
      messages: [messageRef(id, name)],
    };
    const key = `${action}.${id}.${name}`;
    this.#operations.set(
      key,
      isRequest ? { ...operation, reply: this.#reply(id, pattern, response) } : operation,
    );
  }

  #channel({ pattern, prefix, subscription }: Described): string {
    const name = `${prefix}${pattern.source}`;
    const known = this.#ids.get(name);
    const id = known ?? this.#freeId(idOf(pattern.source));
    const channel = this.#channels.get(id) ?? {
      address: addressOf(pattern, prefix),
      messages: {},
      ...(pattern.hasParams && {
        parameters: Object.fromEntries(pattern.params.map((param) => [param, {}])),
      }),
    };
    this.#ids.set(name, id);
    this.#channels.set(id, { ...channel, ...(subscription && { 'x-redis': subscription }) });
    return id;
  }

  #addMessage(id: string, name: string, message: AsyncApiMessage): void {
    const channel = this.#channels.get(id) as AsyncApiChannel;
    this.#channels.set(id, { ...channel, messages: { ...channel.messages, [name]: message } });
  }

  #payload({ isRequest, hasEnvelope, data }: Described, id: string): JsonSchema {
    const schema = this.#schemas.refTo(data, isRequest ? `${id}.request` : id);
    if (!hasEnvelope) return schema;
    const packet = { pattern: TEXT, data: schema, metadata: HEADERS };
    return isRequest
      ? packetOf({ ...packet, id: ID, replyTo: TEXT }, ['pattern', 'data', 'id'])
      : packetOf({ ...packet, mid: TEXT }, ['pattern', 'data']);
  }

  #reply(
    id: string,
    pattern: ChannelPattern,
    response: Schema | undefined,
  ): AsyncApiOperation['reply'] {
    const replyId = this.#replyIds.get(id) ?? this.#freeId(`${id}.reply`);
    this.#replyIds.set(id, replyId);
    const schema = this.#schemas.refTo(response, `${id}.response`);
    const known = this.#channels.get(replyId)?.messages.reply;
    const payload = packetOf(
      { id: ID, response: schema, err: {}, isDisposed: { type: 'boolean' } },
      ['id'],
    );
    const message = { name: `${pattern.source} (reply)`, payload };
    this.#channels.set(replyId, {
      address: null,
      messages: { reply: known && !response ? known : message },
    });
    return {
      address: { location: '$message.payload#/replyTo' },
      channel: { $ref: `#/channels/${replyId}` },
      messages: [messageRef(replyId, 'reply')],
    };
  }

  #freeId(id: string): string {
    let free = id;
    for (let i = 2; this.#channels.has(free); i++) free = `${id}_${i}`;
    return free;
  }
}

function packetOf(properties: object, required: readonly string[]): JsonSchema {
  return { type: 'object', properties, required };
}

function messageRef(id: string, name: string): AsyncApiReference {
  return { $ref: `#/channels/${id}/messages/${name}` };
}

/** An id has letters, digits, `_`, `.` and `-`. */
function idOf(source: string): string {
  return source.replaceAll(/(^|[.:/]):(?=\w)/g, '$1').replaceAll(/[^\w.-]+/g, '_');
}

/** An address has no globs, and its braces are parameters. */
function addressOf({ source, kind, name, params, hasParams }: ChannelPattern, prefix: string) {
  const literal = hasParams ? source : name;
  if (/[{}]/.test(prefix + literal)) return null;
  if (kind === 'channel') return prefix + name;
  const isTemplate = hasParams && !/[*?[\]\\]/.test(source);
  if (!isTemplate) return null;
  const parameters = new RegExp(String.raw`(^|[.:/]):(${params.join('|')})(?=[.:/]|$)`, 'g');
  return prefix + source.replaceAll(parameters, '$1{$2}');
}

function sorted<T>(entries: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...entries].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
