import { describe, expect, it } from 'vitest';
import { happeningOf, targetOf } from '../../../sample/notifications/gateway/page/happening.js';
import { initialState } from '../../../sample/notifications/gateway/page/state.js';
import type { State } from '../../../sample/notifications/gateway/page/types.js';
import { notification } from './notification.js';

const state: State = {
  ...initialState(),
  people: { value: [{ id: 'bob', name: 'Bob', isAdministrator: false }] },
  posts: {
    value: [{ id: 'p1', authorId: 'alice', text: '', likes: 0, isLiked: false, comments: [] }],
  },
};
const withData = (data: object | null | undefined) => ({ ...notification('a'), data });

describe('a notification', () => {
  it.each([
    ['like', { actorId: 'bob', postId: 'p1' }, 'post-p1'],
    ['comment', { actorId: 'bob', postId: 'p1', text: 'Hello' }, 'post-p1'],
    ['message', { actorId: 'bob', text: 'Hello' }, 'person-bob'],
    ['follow', { actorId: 'bob' }, 'person-bob'],
    ['like', { actorId: 'bob', postId: 'unknown' }, undefined],
    ['follow', { actorId: 'unknown' }, undefined],
    ['other', {}, undefined],
    ['other', { actorId: 7, postId: 'p1' }, undefined],
    ['other', null, undefined],
    ['other', undefined, undefined],
  ])('is a %s with the data %j, and leads to %s', (happening, data, target) => {
    expect(happeningOf(withData(data))).toBe(happening);
    expect(targetOf(withData(data), state)).toBe(target);
  });
});
