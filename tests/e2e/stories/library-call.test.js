// Programs in a room through the client library.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

test('two programs send each other picture and sound', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  await one.publish();
  await two.publish();
  for (const coder of [one, two]) {
    await coder.seesPictures(1);
    await coder.hearsSound(1);
  }
});

test('three programs, and each gets the others’ two streams', async () => {
  const room = scene.newRoom();
  const coders = [];
  for (const name of ['one', 'two', 'three']) {
    const coder = await scene.coder(name, { room });
    await coder.publish();
    coders.push(coder);
  }
  for (const coder of coders) {
    await coder.seesPictures(2);
    await coder.hearsSound(2);
  }
});

test('a stream is unpublished, and published again under a new id', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  const first = await one.publish();
  await two.seesPictures(1);
  await one.unpublish();
  await two.hears('stream-remove', ({ mid }) => mid === first);
  await until('nothing arrives any more', async () => (await two.received()).length === 0);
  const second = await one.publish();
  assert.notEqual(second, first);
  await two.hears('stream-add', ({ mid }) => mid === second);
  await two.seesPictures(1);
  await two.hearsSound(1);
});

test('unsubscribe stops one stream; subscribing again brings it back', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  const mid = await one.publish();
  await two.seesPictures(1);
  await two.page.evaluate(() => room.subscriptions[0].unsubscribe());
  assert.deepEqual(await two.received(), []);
  await two.page.evaluate((mid) => room.subscribe(mid).ready, mid);
  await two.seesPictures(1);
});

test('everybody hears of comings, streams and goings once and in order', async () => {
  const room = scene.newRoom();
  const watcher = await scene.coder('watcher', { room });
  const guest = await scene.coder('guest', { room });
  const mid = await guest.publish();
  await guest.leave();
  await watcher.hears('peer-leave');
  const story = (await watcher.events()).filter(({ uid }) => uid === 'guest').map((event) => [event.name, event.mid]);
  assert.deepEqual(story, [['peer-join', undefined], ['stream-add', mid], ['stream-remove', mid], ['peer-leave', undefined]]);
});

test('whoever comes later finds users and streams in the lists, media info as it was given', async () => {
  const room = scene.newRoom();
  const early = await scene.coder('early bird / * . > # : { }', { room });
  const mid = await early.publish();
  const late = await scene.coder('late', { room, subscribe: false });
  const found = await late.page.evaluate(async () => ({
    users: room.users,
    streams: room.streams,
    fetchedUsers: await room.fetchUsers(),
    fetchedStreams: await room.fetchStreams(),
  }));
  assert.deepEqual(found.users.map(({ uid }) => uid), ['early bird / * . > # : { }']);
  assert.deepEqual(found.streams.map((stream) => stream.mid), [mid]);
  assert.deepEqual(found.streams[0].minfo, { audio: true, video: true, audiotype: 0, videotype: 0 });
  assert.deepEqual(found.fetchedUsers, found.users);
  assert.deepEqual(found.fetchedStreams, found.streams);
});

test('a broadcast carries any JSON to all others, and not back', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  const values = [null, true, 0.1, 'täxt', [1, [2]], { deep: { er: ['…'] } }];
  for (const value of values) await one.broadcast(value);
  await until('all have arrived', async () => (await two.events()).filter(({ name }) => name === 'broadcast').length >= values.length);
  const heard = (await two.events()).filter(({ name }) => name === 'broadcast');
  assert.deepEqual(heard.map(({ uid, data }) => [uid, data]), values.map((value) => ['one', value]));
  assert.equal((await one.events()).some(({ name }) => name === 'broadcast'), false);
});

test('the same user from elsewhere: the first is kicked and stays away', async () => {
  const room = scene.newRoom();
  const watcher = await scene.coder('watcher', { room });
  const first = await scene.coder('twin', { room });
  await first.publish();
  await watcher.hears('stream-add');
  await scene.coder('twin', { room });
  await first.hears('closed', ({ kicked }) => kicked);
  const events = await first.events();
  assert.equal(events.some(({ name }) => name === 'lost'), false, 'it tried to come back');
  await until('the watcher has seen the second come', async () =>
    (await watcher.events()).filter(({ name, uid }) => name === 'peer-join' && uid === 'twin').length === 2,
  );
  const story = (await watcher.events()).filter(({ uid }) => uid === 'twin').map(({ name }) => name);
  assert.deepEqual(story, ['peer-join', 'stream-add', 'stream-remove', 'peer-leave', 'peer-join']);
});

test('a publisher whose peer connection dies is taken out by the server, and publishes again by itself', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const two = await scene.coder('two', { room });
  const first = await one.publish();
  await two.seesPictures(1);
  await one.page.evaluate(() => publication.pc.close());
  // The server finds it out by the end of DTLS, or else by the missing connectivity checks.
  const removed = async () => (await two.events()).find(({ name, mid }) => name === 'stream-remove' && mid === first);
  await until('the dead stream is removed', removed, { within: 60_000 });
  await two.hears('stream-add', ({ mid }) => mid !== first);
  await two.seesPictures(1);
  await two.hearsSound(1);
});
