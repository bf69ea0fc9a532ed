/**
 * @typedef {object} Listener
 * @property {(prices: Record<string, number>) => void} onPrices
 * @property {(rates: Record<'received' | 'sent' | 'stored' | 'replaced', number>) => void} onRates
 * @property {(state: 'live' | 'paused' | 'reconnecting') => void} onState
 */

/**
 * Receives the prices while the page is visible. Each stream begins with the prices of all tickers, so that nothing is
 * missing after a pause.
 *
 * @param {Listener} listener
 */
export function openStream({ onPrices, onRates, onState }) {
  /** @type {EventSource | undefined} */
  let source;
  const open = () => {
    source = new EventSource('/stream');
    source.addEventListener('open', () => onState('live'));
    source.addEventListener('error', () => {
      onState('reconnecting');
      // After an error response, the browser does not reconnect.
      if (source?.readyState === EventSource.CLOSED) setTimeout(follow, 2_000);
    });
    source.addEventListener('prices', ({ data }) => onPrices(JSON.parse(data)));
    source.addEventListener('rates', ({ data }) => onRates(JSON.parse(data)));
  };
  const follow = () => {
    source?.close();
    if (document.hidden) onState('paused');
    else open();
  };
  document.addEventListener('visibilitychange', follow);
  follow();
}
