import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Connection } from './connection.js';

/** As much of a WebSocket as a connection touches. */
class FakeSocket {
  static made = [];
  sent = [];
  closed = false;

  constructor(url, protocols) {
    this.host = new URL(url).host;
    this.protocols = protocols;
    FakeSocket.made.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  stand() {
    this.onopen?.();
  }

  fall(code = 1006) {
    this.onclose?.({ code, reason: '' });
  }

  say(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  answer(data) {
    this.say({ response: true, id: this.sent.at(-1).id, ok: true, data });
  }
}

const real = globalThis.WebSocket;
const settled = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  FakeSocket.made = [];
  globalThis.WebSocket = FakeSocket;
  mock.timers.enable({ apis: ['setTimeout'] });
});
afterEach(() => {
  globalThis.WebSocket = real;
  mock.timers.reset();
});

const hosts = () => FakeSocket.made.map(({ host }) => host);

function connect() {
  const connection = new Connection({ url: ['ws://one/ws', 'ws://two/ws'], uid: 'me' });
  const events = [];
  connection.on('open', ({ again, moved }) => events.push(`open${again ? ' again' : ''}${moved ? ' moved' : ''}`));
  connection.on('lost', () => events.push('lost'));
  connection.on('closed', () => events.push('closed'));
  connection.on('notification', ({ method, former }) => events.push(former ? `former ${method}` : method));
  connection.open();
  FakeSocket.made[0].stand();
  return { connection, events };
}

const reconnect = { notification: true, method: 'reconnect', data: { reason: 'drain' } };

test('when a server dies, another one is there in a moment', () => {
  const { events } = connect();
  FakeSocket.made[0].fall();
  mock.timers.tick(150);
  assert.deepEqual(hosts(), ['one', 'two']);
  FakeSocket.made[1].stand();
  assert.deepEqual(events, ['open', 'lost', 'open again']);
});

test('a server that does not answer is left; one that says anything is not', async () => {
  const { connection, events } = connect();
  connection.request('keepalive', {}, { within: 4_000 }).catch(() => {});
  mock.timers.tick(3_000);
  FakeSocket.made[0].say({ notification: true, method: 'peer-join', data: {} });
  mock.timers.tick(1_500);
  assert.deepEqual(events, ['open', 'peer-join']);
  mock.timers.tick(4_000);
  await settled();
  assert.deepEqual(events, ['open', 'peer-join', 'lost']);
});

/** As a network does that is away: nothing comes. @param {Connection} connection */
async function hearNothing(connection) {
  connection.request('keepalive', {}, { within: 4_000 }).catch(() => {});
  mock.timers.tick(4_000);
  await settled();
}

test('a connection on which nothing comes is closed when the next one has had time to join, and not before', async () => {
  const { connection, events } = connect();
  await hearNothing(connection);
  const [dead] = FakeSocket.made;
  mock.timers.tick(150);
  FakeSocket.made[1].stand();
  assert.deepEqual([events.at(-1), dead.closed], ['open again', false]);
  dead.say({ notification: true, method: 'peer-kick', data: {} });
  dead.fall(4000);
  assert.equal(events.at(-1), 'open again', 'taken over: no kick');
  await hearNothing(connection);
  const [, next] = FakeSocket.made;
  mock.timers.tick(1_000);
  FakeSocket.made.at(-1).stand();
  mock.timers.tick(9_000);
  assert.equal(next.closed, false);
  mock.timers.tick(1_000);
  assert.equal(next.closed, true);
});

test('who leaves for good leaves through the dead connections, too, and keeps only a few of them', async () => {
  const { connection } = connect();
  for (let lost = 0; lost < 6; lost += 1) {
    await hearNothing(connection);
    mock.timers.tick(5_000);
    FakeSocket.made.at(-1).stand();
  }
  const open = () => FakeSocket.made.filter(({ closed }) => !closed).length;
  assert.ok(open() <= 5, `${open()}`);
  connection.close();
  assert.equal(open(), 0);
});

test('asked to go elsewhere, it stands there before it leaves, and takes its answers along', async () => {
  const { connection, events } = connect();
  const publish = connection.request('publish', {});
  const [old] = FakeSocket.made;
  old.say(reconnect);
  const [, next] = FakeSocket.made;
  assert.equal(next.host, 'two');
  next.stand();
  await settled();
  mock.timers.tick(50);
  await settled();
  assert.deepEqual(events, ['open'], 'what is under way is waited for');
  old.answer({ mid: 'm' });
  assert.equal((await publish).mid, 'm');
  mock.timers.tick(50);
  await settled();
  assert.deepEqual(events, ['open', 'open again moved']);

  old.say({ notification: true, method: 'peer-join', data: {} });
  next.say({ notification: true, method: 'peer-leave', data: {} });
  old.fall(4000);
  assert.deepEqual(events.slice(2), ['former peer-join', 'peer-leave'], 'being kicked off the old one is no kick');
  connection.request('keepalive', {}).catch(() => {});
  assert.equal(next.sent.length, 1);
  assert.equal(connection.state, 'open');
});

test('where no other server takes it, it stays and tries again', async () => {
  const { events } = connect();
  FakeSocket.made[0].say(reconnect);
  FakeSocket.made[0].say(reconnect);
  FakeSocket.made[1].fall();
  await settled();
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(hosts(), ['one', 'two', 'two']);
  assert.deepEqual(events, ['open']);
  FakeSocket.made[0].fall(1001);
  assert.deepEqual(events, ['open', 'lost']);
  assert.ok(FakeSocket.made[2].closed, 'what was being opened is given up');
});

test('being kicked is the end', () => {
  const { events } = connect();
  FakeSocket.made[0].fall(4000);
  mock.timers.tick(60_000);
  assert.deepEqual(events, ['open', 'closed']);
  assert.equal(FakeSocket.made.length, 1);
});

test('a token goes along as a sub-protocol, and a new one with the next connection', () => {
  const connection = new Connection({ url: 'ws://one/ws', uid: 'me', token: 'a.b.c' });
  connection.open();
  connection.token = 'd.e.f';
  FakeSocket.made[0].stand();
  connection.reset('it is dead');
  mock.timers.tick(60_000);
  connection.token = undefined;
  FakeSocket.made[1].stand();
  connection.reset('it is dead');
  mock.timers.tick(60_000);
  const offered = FakeSocket.made.map(({ protocols }) => protocols);
  assert.deepEqual(offered.slice(0, 3), [['protoo', 'bearer.a.b.c'], ['protoo', 'bearer.d.e.f'], ['protoo']]);
  connection.close();
});
