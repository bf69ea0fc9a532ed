export type {
  ReadEventsOptions,
  ReadOptions,
  ResumableStreamsOptions,
  StreamChunk,
  StreamSource,
  StreamWriting,
} from './resumable-options.js';
export { ResumableStreams } from './resumable-streams.js';
export { StreamError, type StreamErrorReason } from './stream-error.js';
