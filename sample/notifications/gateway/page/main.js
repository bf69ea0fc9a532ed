import { Session } from './session.js';
import { initialState } from './state.js';
import { Store } from './store.js';
import { draw } from './views/page.js';

/** Interval at which relative times such as "5 minutes ago" are updated. */
const CLOCK_INTERVAL_MS = 30_000;

const store = new Store(initialState(), (state) => draw(state, session));
const session = new Session(store, areToastsHeld);

void session.loadPeople();
void session.restore();

addEventListener('online', () => session.signedIn?.wake());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) session.signedIn?.wake();
});
// A page in the back/forward cache must not keep the lock of the leader tab.
addEventListener('pagehide', () => session.suspend());
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void session.restore();
});
setInterval(() => store.update({ now: Date.now() }), CLOCK_INTERVAL_MS);

function areToastsHeld() {
  return document.hidden || Boolean(document.querySelector('.toasts:is(:hover, :focus-within)'));
}
