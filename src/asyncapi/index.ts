export type {
  AsyncApiChannel,
  AsyncApiDocument,
  AsyncApiInfo,
  AsyncApiMessage,
  AsyncApiOperation,
  AsyncApiReference,
  AsyncApiServer,
} from './asyncapi-document.js';
export { createAsyncApiDocument, type AsyncApiOptions } from './create-asyncapi-document.js';
export type { ToJsonSchema } from './schema-components.js';
