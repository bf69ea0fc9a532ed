import { Session } from './session.js';
import { initialState } from './state.js';
import { Store } from './store.js';
import { draw } from './views/page.js';

/** How often "5 minutes ago" is brought up to date. */
const MINUTE_HAND = 30_000;

const store = new Store(initialState(), (state) => draw(state, session));
const session = new Session(store, areToastsHeld);

void session.loadPeople();
void session.restore();

addEventListener('online', () => session.signedIn?.wake());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) session.signedIn?.wake();
});
// A page that the browser keeps for the way back must not keep the lead among the tabs.
addEventListener('pagehide', () => session.suspend());
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void session.restore();
});
setInterval(() => store.update({ now: Date.now() }), MINUTE_HAND);

function areToastsHeld() {
  return document.hidden || Boolean(document.querySelector('.toasts:is(:hover, :focus-within)'));
}
