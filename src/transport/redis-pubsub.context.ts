import { BaseRpcContext } from '@nestjs/microservices';
import type { ChannelParams, ChannelPattern } from '../channel/channel-pattern.js';
import { NO_HEADERS, type Headers } from '../codec/codec.js';

/**
 * What a handler can learn of the message beside its data: `@Ctx() context: RedisPubSubContext`.
 * `getArgs()` is `[channel, metadata]`, as with Nest's own `RedisContext`.
 */
export class RedisPubSubContext extends BaseRpcContext<[string, Headers | undefined]> {
  readonly #pattern: ChannelPattern;
  readonly #params: ChannelParams;

  constructor(
    channel: string,
    metadata: Headers | undefined,
    pattern: ChannelPattern,
    params: ChannelParams,
  ) {
    super([channel, metadata]);
    this.#pattern = pattern;
    this.#params = params;
  }

  /** The channel that the message was published on, without the prefix. */
  getChannel(): string {
    return this.args[0];
  }

  /** The pattern of this handler, as its decorator has it (an object pattern in Nest's normalised form). */
  getPattern(): string {
    return this.#pattern.source;
  }

  /** What the `:name` segments of the pattern took. */
  getParams(): ChannelParams {
    return this.#params;
  }

  /** What the segment `:name` took, or `undefined` if the pattern has no such segment. */
  getParam(name: string): string | undefined {
    return Object.hasOwn(this.#params, name) ? this.#params[name] : undefined;
  }

  /** The headers that the publisher sent with the message; input from outside, like the data. */
  getHeaders(): Headers {
    return this.args[1] ?? NO_HEADERS;
  }

  /** One header, or `undefined` if it was not sent or is not text. */
  getHeader(name: string): string | undefined {
    const headers = this.getHeaders();
    const value: unknown = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return typeof value === 'string' ? value : undefined;
  }

  /** The same under the name that Nest's own `RedisContext` has for it. */
  getMetadata(): Headers | undefined {
    return this.args[1];
  }
}
