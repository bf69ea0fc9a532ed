import { BaseRpcContext } from '@nestjs/microservices';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import { NO_HEADERS, type Headers } from '../codec/codec.js';
import { visibleId } from '../codec/message-id.js';
import { addBrand, brandOf, hasBrand } from '../shared/brand.js';

const CONTEXT = brandOf('context');

/** A value of any type that was thrown: also `undefined` and promises. */
export interface Failure {
  readonly error: unknown;
  /** Whether the caller of a request received it. */
  readonly isReplied?: boolean;
}

/** Records what a handler threw in the context of its message: Nest's filter passes on another error. */
export let recordThrown: (context: RedisPubSubContext, error: unknown) => void;

/** What the handler of a message threw, as {@link recordThrown} was told. */
export let thrownIn: (context: RedisPubSubContext) => Failure | undefined;

/**
 * The context of a message, beside its data: `@Ctx() context: RedisPubSubContext`. `getArgs()` returns
 * `[channel, metadata]`, as Nest's own `RedisContext` does.
 */
export class RedisPubSubContext extends BaseRpcContext<[string, Headers | undefined]> {
  readonly #pattern: ChannelPattern;
  readonly #params: ChannelParams;
  readonly #messageId: string | undefined;
  #thrown: Failure | undefined;

  static {
    recordThrown = (context, error) => {
      context.#thrown = { error };
    };
    thrownIn = (context) => context.#thrown;
  }

  static {
    addBrand(this.prototype, CONTEXT);
  }

  constructor(
    channel: string,
    {
      metadata,
      messageId,
    }: { readonly metadata?: Headers | undefined; readonly messageId?: string | undefined },
    pattern: ChannelPattern,
    params: ChannelParams,
  ) {
    super([channel, metadata]);
    this.#pattern = pattern;
    this.#params = params;
    this.#messageId = messageId;
  }

  /** The channel that the message was published on, without the prefix. */
  getChannel(): string {
    return this.args[0];
  }

  /**
   * The id that the publisher gave the message: no other message has it. `undefined` where the message has none, such as
   * one of `Transport.REDIS`. Any client of Redis may have sent it: validate it like the data.
   */
  getMessageId(): string | undefined {
    return visibleId(this.#messageId);
  }

  /** The pattern of this handler, as its decorator has it (an object pattern in Nest's normalised form). */
  getPattern(): string {
    return this.#pattern.source;
  }

  /** The values of the `:name` segments of the pattern. */
  getParams(): ChannelParams {
    return this.#params;
  }

  /** The value of the segment `:name`, or `undefined` if the pattern has no such segment. */
  getParam(name: string): string | undefined {
    return Object.hasOwn(this.#params, name) ? this.#params[name] : undefined;
  }

  /** The headers of the message. Any client of Redis may have sent them: validate them like the data. */
  getHeaders(): Headers {
    return this.args[1] ?? NO_HEADERS;
  }

  /** One header, or `undefined` if the message has none of this name. */
  getHeader(name: string): string | undefined {
    const headers = this.getHeaders();
    const value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  /** The headers, under the name that Nest's own `RedisContext` has for them; `undefined` if there are none. */
  getMetadata(): Headers | undefined {
    return this.args[1];
  }
}

/** Whether a value is the context of a message, of this copy of the package or another. */
export function isPubSubContext(value: unknown): value is RedisPubSubContext {
  return hasBrand(value, CONTEXT);
}
