// What the server does by itself after a while: with media that never comes, and with users who fall silent.
// These stories wait side by side, because each takes as long as the protocol says.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { minfo, publisherOffer } from '../fixtures/offers.js';
import { ProtooUser } from '../harness/protoo.js';
import { Server } from '../harness/server.js';
import { until } from '../harness/until.js';

/** The protocol's own times, and what a busy machine may add. */
const NO_MEDIA = { from: 25_000, within: 45_000 };
const NO_KEEPALIVE = { from: 55_000, within: 90_000 };

/** @type {Server} */
let server;
const users = [];

before(async () => {
  server = await Server.start();
});
after(async () => {
  for (const user of users) user.close();
  await server.stop();
});

/** @param {string} uid @param {string} rid */
async function join(uid, rid) {
  const user = await ProtooUser.connect(server.socketUrl(uid), uid);
  users.push(user);
  await user.request('join', { rid });
  return user;
}

describe('what takes its time', { concurrency: true }, () => {
  test('a stream whose media never comes is removed after 30 s, and its publisher is told too', async () => {
    const rid = 'no media';
    const ada = await join('ada', rid);
    const grace = await join('grace', rid);
    const { mid } = await ada.request('publish', { rid, jsep: publisherOffer, minfo });
    await grace.hears('stream-add');
    const began = performance.now();
    const heard = (user) => () => user.heard.find(({ method }) => method === 'stream-remove');
    for (const user of [ada, grace]) {
      const { data } = await until('the stream is removed', heard(user), NO_MEDIA);
      assert.deepEqual(data, { rid, uid: 'ada', mid });
    }
    assert.ok(performance.now() - began > NO_MEDIA.from, 'it was given its time');
    assert.deepEqual(await grace.request('getpubs', { rid }), { pubs: [] });
  });

  test('a user who asks for nothing for 60 s leaves the room; one with keepalive stays', async () => {
    const rid = 'silence';
    const watcher = await join('watcher', rid);
    const silent = await join('silent', rid);
    const lively = await join('lively', rid);
    const began = performance.now();
    let beats = 0;
    const left = () => watcher.heard.find(({ method }) => method === 'peer-leave');
    const beat = async () => {
      // Any request counts: these two keep the others in, the watcher included.
      if (performance.now() - began > beats * 10_000) {
        beats += 1;
        await lively.request('keepalive', { rid });
        await watcher.request('getusers', { rid });
      }
      return left();
    };
    const { data } = await until('the silent one has left', beat, NO_KEEPALIVE);
    assert.deepEqual(data, { rid, uid: 'silent' });
    assert.ok(performance.now() - began > NO_KEEPALIVE.from, 'it was given its time');
    assert.equal(await silent.refused('keepalive', { rid }), 15);
    const { users: present } = await watcher.request('getusers', { rid });
    assert.deepEqual(present.map(({ uid }) => uid), ['lively']);
  });
});
