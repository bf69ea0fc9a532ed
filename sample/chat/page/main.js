import { Session } from './session.js';
import { initialState } from './state.js';
import { Store } from './store.js';
import { draw } from './views/page.js';

const store = new Store(initialState(), (state) => draw(state, session));
const session = new Session(store);

void session.start();
draw(store.state, session);

addEventListener('online', () => session.chat?.wake());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) session.chat?.wake();
});
