import { failureView, taskButton } from './controls.js';
import { html, nothing, repeat } from './lit.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Person, State, TrafficEntry } from '../types.js' */

/**
 * The messages that pass through the channels of Redis and carry what the page shows.
 *
 * @param {State} state
 * @param {Person} user
 * @param {SignedIn} signedIn
 */
export function channelsView({ traffic, tasks }, user, { messages }) {
  const task = tasks['message-to-self'];
  return html`
    <section id="channels" class="card channels" tabindex="-1" aria-labelledby="channels-title">
      <div class="intro">
        <h2 id="channels-title">Redis channels, live</h2>
        <p>
          <strong>Start here:</strong> send yourself a message, and see the channels that carry it
          to this page. Then sign in as another user in a second window, and like a post.
        </p>
        ${taskButton({
          label: 'Send yourself a message',
          kind: 'primary',
          task,
          onClick: () => void messages.sendToSelf(user.id),
        })}
        ${failureView(task)}
      </div>
      ${
        traffic.length === 0
          ? html`<p class="empty">No message has passed yet. With TRACE=off none is shown.</p>`
          : trafficView(traffic)
      }
    </section>
  `;
}

/** @param {readonly TrafficEntry[]} traffic */
function trafficView(traffic) {
  return html`
    <div class="traffic" tabindex="0" role="region" aria-label="Messages, oldest first">
      <ol>
        ${repeat(traffic, ({ number }) => number, entryView)}
      </ol>
    </div>
  `;
}

/** @param {TrafficEntry} entry */
function entryView({ kind, instance, channel, pattern, receivers }) {
  const isSent = kind === 'sent';
  return html`
    <li data-testid="traffic" data-kind=${kind}>
      <strong class="instance">${instance}</strong>
      <span class="direction">${isSent ? 'sent →' : 'received ←'}</span>
      <code class="channel">${channel}</code>
      <span class="detail">
        ${isSent ? receiversText(receivers) : pattern ? 'by pattern' : 'by its exact name'}
        ${pattern ? html`<code>${pattern}</code>` : nothing}
      </span>
    </li>
  `;
}

/** @param {number | undefined} receivers */
function receiversText(receivers) {
  if (receivers === undefined) return 'not delivered';
  return receivers === 1 ? 'to 1 subscription' : `to ${receivers} subscriptions`;
}
