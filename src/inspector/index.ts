export type {
  PubSubInspectorModuleAsyncOptions,
  PubSubInspectorGuard,
  PubSubInspectorModuleOptions,
  PubSubInspectorPageOptions,
} from './inspector-options.js';
export { PubSubInspectorModule } from './pub-sub-inspector.module.js';
