import type { RedisPubSubService } from '../module/redis-pubsub.service.js';
import type { ResumableStreamsOptions } from './resumable-options.js';

/** A stream, and what it is written and read with. */
export interface StreamScope {
  readonly pubsub: RedisPubSubService;
  readonly options: Required<ResumableStreamsOptions>;
  readonly id: string;
  readonly channel: string;
}
