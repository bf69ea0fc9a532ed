import { initialState } from '../../../sample/notifications/gateway/page/state.js';
import { Store } from '../../../sample/notifications/gateway/page/store.js';

/** The state of a page that has just been opened, which nobody draws. */
export function createStore(): Store {
  return new Store(initialState(), () => undefined);
}
