import { AnswerStream } from './answer-stream.js';

/** @import { Piece } from './types.js' */

const FAILURES = new Map([
  ['absent', 'There is no such answer, or it is too old.'],
  ['writer-lost', 'The instance that answered is gone. Please ask again.'],
  ['history-lost', 'A part of the answer is lost. Please ask again.'],
  ['closed', 'The instance that answered has shut down. Please ask again.'],
]);

/**
 * The element of the page with an id.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${type.name} "${id}"`);
}

const section = element('answer', HTMLElement);
const prompt = element('prompt', HTMLHeadingElement);
const text = element('text', HTMLParagraphElement);
const state = element('state', HTMLParagraphElement);
const stop = element('stop', HTMLButtonElement);
const elsewhere = element('elsewhere', HTMLParagraphElement);
const links = element('links', HTMLSpanElement);
const form = element('form', HTMLFormElement);
const question = element('question', HTMLTextAreaElement);
const problem = element('problem', HTMLParagraphElement);
const ask = /** @type {HTMLButtonElement} */ (form.querySelector('button'));

/** @type {AnswerStream | undefined} */
let stream;
/** @type {readonly string[]} */
let others = [];

/** The address has the id of the answer: it survives a reload, and another tab can open it. */
const currentId = () => decodeURIComponent(location.hash.slice(1));

/**
 * @param {string} name
 * @param {string} words
 */
function show(name, words) {
  const isRunning = name === 'running';
  state.dataset.state = name;
  state.textContent = words;
  text.setAttribute('aria-busy', String(isRunning));
  if (!isRunning && document.activeElement === stop) question.focus();
  stop.hidden = !isRunning;
  setBusy(stop, false);
}

function clear() {
  prompt.textContent = '';
  text.textContent = '';
}

/**
 * A button that is disabled would lose the focus.
 *
 * @param {HTMLButtonElement} button
 * @param {boolean} isBusy
 */
function setBusy(button, isBusy) {
  if (isBusy) button.setAttribute('aria-disabled', 'true');
  else button.removeAttribute('aria-disabled');
}

/** @param {HTMLButtonElement} button */
const isBusy = (button) => button.hasAttribute('aria-disabled');

/** @param {Piece} piece */
function append(piece) {
  if ('prompt' in piece) {
    prompt.textContent = piece.prompt;
    return;
  }
  const isAtEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
  text.append(piece.text);
  if (isAtEnd) text.scrollTop = text.scrollHeight;
}

/** Follows the answer that the address names, from its beginning. */
function follow() {
  stream?.close();
  stream = undefined;
  clear();
  const id = currentId();
  section.hidden = id === '';
  if (id === '') return;
  show('running', 'Connecting…');
  showLinks();
  stream = new AnswerStream(`/api/answers/${encodeURIComponent(id)}/stream`, {
    onOpen: () => show('running', 'Answering…'),
    onPiece: append,
    onRestart: clear,
    onInterrupted: () => show('running', 'Reconnecting…'),
    onEnd: (outcome) => show(outcome, outcome === 'completed' ? 'Complete' : 'Stopped'),
    onFailure: (reason) => show('failed', FAILURES.get(reason) ?? 'The answer has failed.'),
  });
}

/** The same answer in another tab, at this instance and at the others. */
function showLinks() {
  const targets = [
    { words: 'in another tab', href: location.href },
    ...others.map((it) => ({ words: 'at the other instance', href: it + '/' + location.hash })),
  ];
  const anchors = targets.map(({ words, href }) => {
    const link = document.createElement('a');
    link.textContent = words;
    link.href = href;
    link.target = '_blank';
    link.rel = 'noopener';
    return link;
  });
  links.replaceChildren(...anchors.flatMap((it, i) => (i === 0 ? [it] : [' or ', it])));
  elsewhere.hidden = false;
}

/**
 * @param {string} path
 * @param {object} [body]
 */
async function post(path, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body ?? {}) });
  if (response.ok) return response;
  const { message } = await response.json().catch(() => ({}));
  throw new Error([message ?? 'The server does not answer.'].flat().join(', '));
}

/** @param {unknown} error */
function showProblem(error) {
  problem.textContent = error instanceof Error ? error.message : String(error);
  problem.hidden = false;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void submit();
});

question.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

async function submit() {
  if (isBusy(ask)) return;
  problem.hidden = true;
  setBusy(ask, true);
  try {
    const response = await post('/api/answers', { prompt: question.value });
    const { id } = await response.json();
    question.value = '';
    location.hash = encodeURIComponent(id);
  } catch (error) {
    showProblem(error);
  } finally {
    setBusy(ask, false);
  }
}

stop.addEventListener('click', () => {
  if (isBusy(stop)) return;
  problem.hidden = true;
  setBusy(stop, true);
  post(`/api/answers/${encodeURIComponent(currentId())}/stop`).catch((error) => {
    setBusy(stop, false);
    showProblem(error);
  });
});

window.addEventListener('hashchange', follow);

async function showInstance() {
  const response = await fetch('/api/instance');
  const { name, others: found } = await response.json();
  element('instance', HTMLParagraphElement).textContent = `Instance ${name}`;
  others = found;
  if (currentId() !== '') showLinks();
}

follow();
void showInstance().catch(() => undefined);
