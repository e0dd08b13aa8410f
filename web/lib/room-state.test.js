import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RoomState } from './room-state.js';

const minfo = { audio: true, video: true, audiotype: 0, videotype: 0 };
const user = (uid) => ({ rid: 'r', uid, signalid: 's' });
const stream = (uid, mid) => ({ rid: 'r', uid, mid, sfuid: 'f', minfo });
const told = (changes) =>
  changes.map(({ name, detail }) => `${name} ${detail.to ? `${detail.from.mid} ${detail.to.mid}` : (detail.mid ?? detail.uid)}`);
const instead = (uid, mid, replaces) => ({ ...stream(uid, mid), minfo: { ...minfo, replaces } });

test('the first lists are everybody’s coming, users before their streams', () => {
  const state = new RoomState();
  const changes = state.reset({ users: [user('a'), user('b')], pubs: [stream('b', 'b#1')] });
  assert.deepEqual(told(changes), ['peer-join a', 'peer-join b', 'stream-add b#1']);
});

test('the lists after a loss tell only what has changed, goings first', () => {
  const state = new RoomState();
  state.reset({ users: [user('a'), user('b'), user('c')], pubs: [stream('a', 'a#1'), stream('b', 'b#1')] });
  const changes = state.reset({ users: [user('b'), user('c'), user('d')], pubs: [stream('b', 'b#2'), stream('d', 'd#1')] });
  assert.deepEqual(told(changes), ['stream-remove a#1', 'stream-remove b#1', 'peer-leave a', 'peer-join d', 'stream-add b#2', 'stream-add d#1']);
});

test('what is known already, or was never there, is no news', () => {
  const state = new RoomState();
  state.reset({ users: [user('a')], pubs: [stream('a', 'a#1')] });
  assert.deepEqual(state.apply('peer-join', user('a')), []);
  assert.deepEqual(state.apply('stream-add', stream('a', 'a#1')), []);
  assert.deepEqual(state.apply('stream-remove', { mid: 'a#0' }), []);
  assert.deepEqual(state.apply('peer-leave', { uid: 'z' }), []);
});

test('who leaves takes the streams along, and who publishes is there', () => {
  const state = new RoomState();
  assert.deepEqual(told(state.apply('stream-add', stream('a', 'a#1'))), ['peer-join a', 'stream-add a#1']);
  assert.deepEqual(told(state.apply('peer-leave', { uid: 'a' })), ['stream-remove a#1', 'peer-leave a']);
  assert.deepEqual([state.users, state.streams], [[], []]);
});

test('a stream that takes the place of another is a move, and the other’s end is silent', () => {
  const state = new RoomState();
  state.reset({ users: [user('a')], pubs: [stream('a', 'a#1')] });
  assert.deepEqual(told(state.apply('stream-add', instead('a', 'a#2', 'a#1'))), ['stream-move a#1 a#2']);
  assert.deepEqual(told(state.apply('stream-remove', { mid: 'a#1' })), []);
  assert.deepEqual(state.streams.map(({ mid }) => mid), ['a#2']);
});

test('nobody takes the place of somebody else’s stream', () => {
  const state = new RoomState();
  state.reset({ users: [user('a'), user('b')], pubs: [stream('a', 'a#1')] });
  assert.deepEqual(told(state.apply('stream-add', instead('b', 'b#1', 'a#1'))), ['stream-add b#1']);
  assert.deepEqual(told(state.apply('stream-add', instead('b', 'b#2', 'unknown'))), ['stream-add b#2']);
  assert.equal(state.streams.length, 3);
});

test('a move that was missed is one still, and who comes in the middle of it sees one stream', () => {
  const state = new RoomState();
  const lists = { users: [user('a')], pubs: [stream('a', 'a#1'), instead('a', 'a#2', 'a#1')] };
  assert.deepEqual(told(state.reset(lists)), ['peer-join a', 'stream-add a#2']);
  const later = { users: [user('a')], pubs: [instead('a', 'a#3', 'a#2')] };
  assert.deepEqual(told(state.reset(later)), ['stream-move a#2 a#3']);
});

test('what is spared stays, its user too, until it is not', () => {
  const state = new RoomState();
  state.reset({ users: [user('a'), user('b')], pubs: [stream('a', 'a#1'), stream('b', 'b#1')] });
  assert.deepEqual(told(state.reset({}, new Set(['a#1']))), ['stream-remove b#1', 'peer-leave b']);
  assert.deepEqual(told(state.apply('stream-add', stream('a', 'a#1'))), []);
  assert.deepEqual(told(state.reset({})), ['stream-remove a#1', 'peer-leave a']);
});
