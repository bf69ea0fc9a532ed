import { coalesce } from './coalesce.js';
import { describeFailure } from './tasks.js';

/** @import { Api } from './api.js' */
/** @import { Drafts } from './drafts.js' */
/** @import { Store } from './store.js' */
/** @import { Tasks } from './tasks.js' */
/** @import { Post } from './types.js' */

/**
 * @typedef {object} Dependencies
 * @property {Store} store
 * @property {Api} api
 * @property {Tasks} tasks
 * @property {Drafts} drafts
 * @property {AbortSignal} signal
 * @property {() => void} onFailure called when a load failed
 */

/** The posts, and the users that the user follows. */
export class Feed {
  #dependencies;

  /** @param {Dependencies} dependencies */
  constructor(dependencies) {
    this.#dependencies = dependencies;
  }

  load = coalesce(async () => {
    const { api, signal, store, onFailure } = this.#dependencies;
    try {
      const [posts, following] = await Promise.all([api.posts(), api.following()]);
      store.update({ posts: { value: posts }, following });
    } catch (error) {
      if (signal.aborted) return;
      store.update({ posts: { ...store.state.posts, failure: describeFailure(error) } });
      onFailure();
    }
  });

  /** @param {Post} post */
  toggleLike({ id, isLiked }) {
    const { api, tasks } = this.#dependencies;
    return tasks.run(`like:${id}`, async () => {
      const likes = await api.setLike(id, !isLiked);
      this.#change(id, () => likes);
    });
  }

  /** @param {string} postId */
  comment(postId) {
    const { api, drafts, tasks } = this.#dependencies;
    const key = `comment:${postId}`;
    return tasks.run(key, async () => {
      const text = drafts.get(key);
      const comment = await api.comment(postId, text);
      drafts.clear({ [key]: text });
      this.#change(postId, ({ comments }) => ({ comments: [...comments, comment] }));
    });
  }

  /** @param {string} userId */
  toggleFollow(userId) {
    const { api, store, tasks } = this.#dependencies;
    return tasks.run(`follow:${userId}`, async () => {
      const wasFollowing = store.state.following.includes(userId);
      const { isFollowing } = await api.setFollow(userId, !wasFollowing);
      const others = store.state.following.filter((id) => id !== userId);
      store.update({ following: isFollowing ? [...others, userId] : others });
      void this.load();
    });
  }

  /**
   * Shows the response at once and loads the posts again, because a load that is already running may not
   * contain the change.
   *
   * @param {string} postId
   * @param {(post: Post) => Partial<Post>} changesOf
   */
  #change(postId, changesOf) {
    const { store } = this.#dependencies;
    const value = store.state.posts.value?.map((post) =>
      post.id === postId ? { ...post, ...changesOf(post) } : post,
    );
    store.update({ posts: { ...store.state.posts, value } });
    void this.load();
  }
}
