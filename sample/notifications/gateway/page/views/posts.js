import { failureView, onSubmit, retryView, taskButton } from './controls.js';
import { fieldView } from './field.js';
import { heartIcon } from './icons.js';
import { html, nothing, repeat } from './lit.js';
import { timeView } from './time.js';

/** @import { SignedIn } from '../signed-in.js' */
/** @import { Comment, Post, State } from '../types.js' */

/**
 * @param {State} state
 * @param {SignedIn} signedIn
 */
export function postsView(state, signedIn) {
  const { value, failure } = state.posts;
  return html`
    <h2 id="posts-title">Posts</h2>
    ${failure ? retryView(failure, () => void signedIn.feed.load()) : nothing}
    ${value || failure ? nothing : html`<p class="loading" role="status">Loading…</p>`}
    ${value?.length === 0 ? html`<p class="empty">There are no posts yet.</p>` : nothing}
    ${repeat(
      value ?? [],
      ({ id }) => id,
      (post) => postView(post, state, signedIn),
    )}
  `;
}

/**
 * @param {Post} post
 * @param {State} state
 * @param {SignedIn} signedIn
 */
function postView(post, state, signedIn) {
  const { feed } = signedIn;
  const author = nameOf(post.authorId, state);
  const task = state.tasks[`like:${post.id}`];
  const textId = `text-${post.id}`;
  return html`
    <article id=${`post-${post.id}`} class="card" tabindex="-1" aria-label=${`Post by ${author}`}>
      <h3>${author}</h3>
      <p id=${textId} class="text">${post.text}</p>
      <div class="actions">
        ${taskButton({
          task,
          describedBy: textId,
          label: html`${heartIcon} ${post.isLiked ? 'Unlike' : 'Like'}`,
          kind: post.isLiked ? 'like liked' : 'like',
          onClick: () => void feed.toggleLike(post),
        })}
        <span data-testid="likes">${post.likes} ${post.likes === 1 ? 'like' : 'likes'}</span>
      </div>
      ${failureView(task)}
      ${
        post.comments.length > 0
          ? html`<ul class="comments" aria-label="Comments">
              ${post.comments.map((comment) => commentView(comment, state))}
            </ul>`
          : nothing
      }
      ${commentFormView(post, author, state, signedIn)}
    </article>
  `;
}

/**
 * @param {Comment} comment
 * @param {State} state
 */
function commentView({ authorId, text, timestamp }, state) {
  return html`
    <li>
      <strong>${nameOf(authorId, state)}</strong> ${timeView(timestamp, state.now)}
      <p class="text">${text}</p>
    </li>
  `;
}

/**
 * @param {Post} post
 * @param {string} author
 * @param {State} state
 * @param {SignedIn} signedIn
 */
function commentFormView({ id }, author, state, { feed, drafts, tasks }) {
  const key = `comment:${id}`;
  const task = state.tasks[key];
  return html`
    <form class="one-line" @submit=${onSubmit(() => void feed.comment(id))}>
      ${fieldView({
        key,
        drafts,
        tasks,
        label: `Comment on the post by ${author}`,
        hint: 'Comment',
      })}
      ${taskButton({ label: 'Comment', task })}
    </form>
    ${failureView(task)}
  `;
}

/**
 * @param {string} userId
 * @param {State} state
 */
function nameOf(userId, { people }) {
  return people.value?.find(({ id }) => id === userId)?.name ?? userId;
}
