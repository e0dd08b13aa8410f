// The WebSocket itself, frame by frame: what is refused before the upgrade, and what closes the connection with what.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { Server } from '../harness/server.js';

/** @type {Server} */
let server;
const sockets = [];

before(async () => {
  server = await Server.start();
});
after(() => server.stop());
afterEach(() => sockets.splice(0).forEach((socket) => socket.terminate()));

/** @param {string} uid @param {string[]} [protocols] */
async function connect(uid, protocols = []) {
  const socket = new WebSocket(server.socketUrl(uid), protocols);
  sockets.push(socket);
  await once(socket, 'open');
  return socket;
}

/** @param {WebSocket} socket @param {string} frame @returns {Promise<string>} the next frame, as it came */
async function answer(socket, frame) {
  socket.send(frame);
  const [data] = await once(socket, 'message');
  return String(data);
}

/** @param {string} path @returns {Promise<number>} the HTTP status with which the upgrade is refused */
async function refusal(path) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`);
  sockets.push(socket);
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  return response.statusCode;
}

test('a peer that is missing, empty or no id is refused with 400 before the upgrade', async () => {
  for (const path of ['/ws', '/ws?peer=', '/ws?peer=%0a', `/ws?peer=${'x'.repeat(129)}`, '/ws?peer=%ff']) {
    assert.equal(await refusal(path), 400, path);
  }
});

test('the sub-protocol is selected when it is offered, and not required', async () => {
  assert.equal((await connect('a', ['protoo'])).protocol, 'protoo');
  assert.equal((await connect('b')).protocol, '');
});

test('ids are echoed exactly, up to 2^53', async () => {
  const socket = await connect('a');
  for (const id of ['0', '1', '9007199254740991', '9007199254740992']) {
    const reply = await answer(socket, `{"request":true,"id":${id},"method":"join","data":{"rid":"r"}}`);
    assert.match(reply, new RegExp(`"id":${id}[,}]`));
    assert.equal(JSON.parse(reply).ok, true);
  }
});

test('unknown members are no harm, and a notification is a request without an answer', async () => {
  const socket = await connect('a');
  socket.send('{"notification":true,"method":"join","data":{"rid":"noted"},"extra":1}');
  const reply = await answer(socket, '{"request":true,"id":5,"method":"getusers","data":{"rid":"noted","more":[]},"extra":{}}');
  assert.deepEqual(JSON.parse(reply), { response: true, id: 5, ok: true, data: { users: [] } });
});

test('a binary frame closes with 1003, one that is too large with 1009', async () => {
  const binary = await connect('a');
  binary.send(Buffer.from('{}'));
  assert.equal((await once(binary, 'close'))[0], 1003);
  const large = await connect('b');
  large.send(`{"request":true,"id":1,"method":"join","data":{"rid":"${'x'.repeat(256 * 1024)}"}}`);
  assert.equal((await once(large, 'close'))[0], 1009);
});

test('a little garbage is forgiven, a lot of it closes with 1008', async () => {
  const careless = await connect('a');
  for (let count = 0; count < 10; count += 1) careless.send('not JSON');
  const reply = await answer(careless, '{"request":true,"id":1,"method":"join","data":{"rid":"r"}}');
  assert.equal(JSON.parse(reply).ok, true);
  const hostile = await connect('b');
  const closed = once(hostile, 'close');
  for (let count = 0; count < 40; count += 1) hostile.send('{"request":true');
  assert.equal((await closed)[0], 1008);
});

test('what is no valid request but has an id is answered with an error', async () => {
  const socket = await connect('a');
  const reply = JSON.parse(await answer(socket, '{"request":true,"id":7,"method":3}'));
  assert.equal(reply.id, 7);
  assert.equal(reply.ok, false);
  assert.equal(typeof reply.errorCode, 'number');
  assert.equal(typeof reply.errorReason, 'string');
});
