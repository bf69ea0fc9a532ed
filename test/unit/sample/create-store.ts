import { initialState } from '../../../sample/notifications/gateway/page/state.js';
import { Store } from '../../../sample/notifications/gateway/page/store.js';

/** The state of a page that was just opened, without a view. */
export function createStore(): Store {
  return new Store(initialState(), () => undefined);
}
