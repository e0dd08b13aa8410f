import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Emitter } from './emitter.js';
import { ConnectionLost, RequestError } from './errors.js';
import { Room } from './room.js';

const minfo = { audio: true, video: true, audiotype: 0, videotype: 0 };

/** A server that answers when the test says so. */
class FakeConnection extends Emitter {
  state = 'open';
  asked = [];
  resets = [];

  request(method, data) {
    return new Promise((answer, refuse) => this.asked.push({ method, data, answer, refuse }));
  }

  reset(reason) {
    this.resets.push(reason);
  }

  notify(method, data) {
    this.emit('notification', { method, data: { rid: 'r', ...data }, former: false });
  }

  /** The last request of this kind. */
  last(method) {
    return this.asked.findLast((request) => request.method === method);
  }

  count(method) {
    return this.asked.filter((request) => request.method === method).length;
  }
}

/** So that what waits for an answer has gone on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const rooms = [];
afterEach(() => rooms.splice(0).forEach((room) => room.leave()));

function enter() {
  const connection = new FakeConnection();
  const room = new Room(connection, { rid: 'r', uid: 'me', rtc: {} });
  rooms.push(room);
  const events = [];
  for (const name of ['joined', 'away', 'left', 'peer-join', 'peer-leave', 'stream-add', 'stream-remove']) {
    room.on(name, ({ uid, mid }) => events.push([name, mid ?? uid].filter(Boolean).join(' ')));
  }
  return { connection, room, events };
}

test('what is notified while join is under way is told after its answer, once', async () => {
  const { connection, events } = enter();
  connection.notify('peer-join', { uid: 'a' });
  connection.notify('stream-add', { uid: 'a', mid: 'a#1', minfo });
  connection.notify('stream-remove', { uid: 'b', mid: 'b#1' });
  assert.deepEqual(events, []);
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'a' }, { rid: 'r', uid: 'b' }], pubs: [{ rid: 'r', uid: 'b', mid: 'b#1', minfo }] });
  await settled();
  assert.deepEqual(events, ['peer-join a', 'peer-join b', 'stream-add b#1', 'stream-add a#1', 'stream-remove b#1', 'joined']);
});

test('of two tries to join, only the answer to the later one counts', async () => {
  const { connection, room, events } = enter();
  const first = connection.last('join');
  connection.emit('lost', { reason: 'gone' });
  connection.emit('open', { again: true });
  first.answer({ users: [{ rid: 'r', uid: 'old' }], pubs: [] });
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'new' }], pubs: [] });
  await settled();
  assert.deepEqual(events, ['away', 'peer-join new', 'joined']);
  assert.equal(room.status, 'joined');
});

test('a server that has forgotten us is joined again', async () => {
  const { connection, room, events } = enter();
  connection.last('join').answer({});
  await settled();
  room.check();
  connection.last('keepalive').refuse(new RequestError('keepalive', 15, 'not in this room'));
  await settled();
  assert.equal(room.status, 'away');
  connection.last('join').answer({});
  await settled();
  assert.deepEqual(events, ['joined', 'away', 'joined']);
});

test('several requests that fail at once join again once', async () => {
  const { connection, room } = enter();
  connection.last('join').answer({});
  await settled();
  const failed = [room.broadcast(1), room.broadcast(2), room.fetchUsers()].map((request) => assert.rejects(request));
  for (const request of connection.asked.slice(1)) request.refuse(new RequestError(request.method, 15, 'not in this room'));
  await Promise.all(failed);
  assert.equal(connection.count('join'), 2);
});

test('a node that is draining is left for another connection', async () => {
  const { connection } = enter();
  connection.last('join').refuse(new RequestError('join', 20, 'draining'));
  await settled();
  assert.equal(connection.resets.length, 1);
});

test('a lost connection is no refusal; a bad room id is', async () => {
  const { connection, room, events } = enter();
  connection.last('join').refuse(new ConnectionLost('gone'));
  await settled();
  assert.deepEqual(events, []);
  connection.emit('open', { again: true });
  connection.last('join').refuse(new RequestError('join', 2, 'rid invalid'));
  await settled();
  assert.deepEqual(events, ['left']);
  assert.throws(() => room.publish({ audio: null }), /closed/);
});

test('notifications of other rooms, and of none, are not ours', async () => {
  const { connection, events } = enter();
  connection.last('join').answer({});
  await settled();
  connection.emit('notification', { method: 'peer-join', data: { rid: 'other', uid: 'a' } });
  connection.emit('notification', { method: 'peer-join', data: {} });
  assert.deepEqual(events, ['joined']);
});

test('whoever comes back says what they still have, and goes on with what the server still has', async () => {
  const { connection, room, events } = enter();
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'a' }], pubs: [{ rid: 'r', uid: 'a', mid: 'a#1', sfuid: 'f', minfo }] });
  await settled();
  assert.equal(connection.asked[0].data.resume, undefined, 'nothing to come back to');
  connection.emit('lost', { reason: 'gone' });
  connection.emit('open', { again: true, moved: false });
  assert.deepEqual(connection.last('join').data, { rid: 'r', resume: { pubs: [], subs: [] } });
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'a' }], pubs: [], resumed: { pubs: [], subs: [] } });
  await settled();
  assert.deepEqual(events, ['peer-join a', 'stream-add a#1', 'joined', 'away', 'stream-remove a#1', 'joined']);
  assert.equal(room.status, 'joined');
});

test('while it moves, the former connection tells until the present one has taken over', async () => {
  const { connection, events } = enter();
  connection.last('join').answer({});
  await settled();
  connection.emit('open', { again: true, moved: true });
  const former = (method, uid) => connection.emit('notification', { method, data: { rid: 'r', uid }, former: true });
  former('peer-join', 'a');
  connection.notify('peer-join', { uid: 'b' });
  assert.deepEqual(events, ['joined', 'peer-join a'], 'never away');
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'a' }], resumed: { pubs: [], subs: [] } });
  await settled();
  former('peer-leave', 'a');
  assert.deepEqual(events, ['joined', 'peer-join a', 'peer-join b', 'joined']);
});

test('a stream that takes the place of another is told as one that moves', async () => {
  const { connection, room, events } = enter();
  const moves = [];
  room.on('stream-move', ({ from, to }) => moves.push(`${from.mid} ${to.mid}`));
  connection.last('join').answer({ users: [{ rid: 'r', uid: 'a' }], pubs: [{ rid: 'r', uid: 'a', mid: 'a#1', sfuid: 'f', minfo }] });
  await settled();
  connection.notify('stream-add', { uid: 'a', mid: 'a#2', sfuid: 'g', minfo: { ...minfo, replaces: 'a#1' } });
  connection.notify('stream-remove', { uid: 'a', mid: 'a#1' });
  assert.deepEqual(moves, ['a#1 a#2']);
  assert.deepEqual(events.slice(2), ['joined']);
  assert.deepEqual(room.streams.map(({ mid }) => mid), ['a#2']);
});

/** Joined, with what is told of speakers, and a way to tell it. */
async function listen() {
  const { connection, room } = enter();
  connection.last('join').answer({});
  await settled();
  const told = [];
  room.on('active-speakers', ({ speakers }) => told.push(speakers.map(({ uid }) => uid).join()));
  const speaks = (...uids) => connection.notify('active-speakers', { speakers: uids.map((uid) => ({ uid, mid: `${uid}#1`, level: -30 })) });
  return { connection, room, told, speaks };
}

test('who speaks is told when it changes, and nobody speaks any more when the connection is lost', async () => {
  const { connection, room, told, speaks } = await listen();
  speaks('a', 'b');
  speaks('a', 'b');
  connection.notify('active-speakers', { speakers: 'nonsense' });
  speaks('b');
  connection.emit('lost', { reason: 'gone' });
  assert.deepEqual(told, ['a,b', '', 'b', '']);
  assert.deepEqual(room.speakers, []);
});

test('who spoke is forgotten when another server takes over, unless it says who speaks', async () => {
  const { connection, room, told, speaks } = await listen();
  const moved = async (meanwhile) => {
    connection.emit('open', { again: true, moved: true });
    meanwhile();
    connection.last('join').answer({ resumed: { pubs: [], subs: [] } });
    await settled();
  };
  speaks('a');
  await moved(() => {});
  assert.deepEqual(told, ['a', '']);
  await moved(() => {});
  assert.deepEqual(told, ['a', ''], 'nobody spoke before');
  speaks('a');
  await moved(() => speaks('a', 'b'));
  assert.deepEqual(told, ['a', '', 'a', 'a,b']);
});

test('what the server says of streams and subscriptions that nobody has is no harm', async () => {
  const { connection, events } = enter();
  connection.last('join').answer({});
  await settled();
  connection.notify('stream-layers', { uid: 'me', mid: 'me#9', layers: [{ rid: 'q', wanted: true }] });
  connection.notify('stream-layers', { uid: 'me', mid: 'me#9', layers: null });
  for (const method of ['stream-paused', 'stream-resumed']) connection.notify(method, { uid: 'a', mid: 'a#1', sid: 'me#2' });
  assert.deepEqual(events, ['joined']);
});
