import { describe, expect, it } from 'vitest';
import { readChannel } from '../../../../sample/chat/node/channels.js';
import * as limits from '../../../../sample/chat/node/limits.js';
import { delayAfter } from '../../../../sample/chat/page/backoff.js';
import * as pageLimits from '../../../../sample/chat/page/limits.js';
import { advance, unreadOf, withHeard } from '../../../../sample/chat/page/rooms.js';
import { assertAllowed, roomsOf } from '../../../../sample/chat/rooms/rooms.js';

const lobby = { id: 'lobby', name: 'Lobby', isPrivate: false, newest: 5, read: 3 };

describe('the rooms of the page', () => {
  it('have as many unread messages as follow the mark', () => {
    expect(unreadOf(lobby)).toBe(2);
    expect(unreadOf({ ...lobby, newest: 0 })).toBe(0);
  });

  it('move forward, and never back', () => {
    expect(advance([lobby], 'lobby', { newest: 4, read: 2 })).toEqual([lobby]);
    expect(advance([lobby], 'lobby', { newest: 6 })).toEqual([{ ...lobby, newest: 6 }]);
    expect(advance([lobby], 'other', { newest: 6 })).toEqual([lobby]);
  });

  it('take a message that is newer than the answer into account', () => {
    expect(withHeard([lobby], new Map([['lobby', 7]]))).toEqual([{ ...lobby, newest: 7 }]);
    expect(withHeard([lobby], new Map())).toEqual([lobby]);
  });
});

describe('the rooms of a node', () => {
  it('are those that the user may read', () => {
    expect(roomsOf('alice').map(({ id }) => id)).toContain('on-call');
    expect(roomsOf('carol').map(({ id }) => id)).not.toContain('on-call');
    expect(() => assertAllowed('on-call', 'alice')).not.toThrow();
  });

  it.each(['on-call', 'no-such-room', '', '__proto__'])('refuse %j to Carol alike', (room) => {
    expect(() => assertAllowed(room, 'carol')).toThrow(
      'There is no such room, or you are not a member of it',
    );
  });
});

describe('a channel', () => {
  it.each([
    ['room.lobby.messages', { kind: 'messages', id: 'lobby' }],
    ['room.lobby.live', { kind: 'live', id: 'lobby' }],
    ['user.alice', { kind: 'user', id: 'alice' }],
    ['user.alice.read', undefined],
    ['room.lobby', undefined],
    ['room.lobby.other', undefined],
    ['x5Q0kq0Z', undefined],
  ])('%s is read', (name, expected) => {
    expect(readChannel(name)).toEqual(expected);
  });
});

describe('the limits of the page', () => {
  it('are those of the node', () => {
    const { MAX_TEXT_LENGTH, PAGE_SIZE } = limits;
    expect({ ...pageLimits }).toEqual({ MAX_TEXT_LENGTH, PAGE_SIZE });
  });
});

describe('the delay before a reconnect', () => {
  it('is random below a limit that doubles, up to ten seconds', () => {
    const longest = [0, 1, 2, 5, 20].map((failures) => delayAfter(failures, () => 1));
    expect(longest).toEqual([500, 1_000, 2_000, 10_000, 10_000]);
    expect(delayAfter(3, () => 0)).toBe(0);
  });
});
