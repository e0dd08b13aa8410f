// People in a call on the demo page: they see and hear each other, come late, and vanish.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';

const scene = new Scene();

test('two people see and hear each other, in VP8 and Opus', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await ada.sees(['Grace']);
  await grace.sees(['Ada']);
  for (const person of [ada, grace]) {
    await person.seesPictures(1);
    await person.hearsSound(1);
    const codecs = (await person.received()).map(({ codec }) => codec).sort();
    assert.deepEqual(codecs, ['audio/opus', 'video/VP8']);
  }
  assert.equal(await ada.text('#people-count'), '2 people');
});

test('three people are three in each other’s eyes, and one who leaves is gone', async () => {
  const room = scene.newRoom();
  const people = [];
  for (const name of ['Ada', 'Grace', 'Mary']) people.push(await scene.person(name, { room }));
  const [ada, grace, mary] = people;
  await ada.sees(['Grace', 'Mary']);
  await grace.sees(['Ada', 'Mary']);
  await mary.sees(['Ada', 'Grace']);
  for (const person of people) {
    await person.seesPictures(2);
    await person.hearsSound(2);
  }
  await mary.leave();
  await ada.sees(['Grace']);
  await grace.sees(['Ada']);
  await ada.wasTold('Mary has left');
});

test('two people of the same name are two people', async () => {
  const room = scene.newRoom();
  const first = await scene.person('Ada', { room });
  const second = await scene.person('Ada', { room });
  await first.sees(['Ada']);
  await second.sees(['Ada']);
});

test('a late joiner gets a picture at once, not at the next key frame by chance', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  // Long into the stream, no key frame is due for a long while.
  await grace.seesPictures(1);
  const late = await scene.visitor('Late', { room });
  await late.isReady();
  const began = performance.now();
  await late.join();
  await late.seesPictures(2, { within: 5_000 });
  assert.ok(performance.now() - began < 10_000);
  await ada.sees(['Grace', 'Late']);
});

test('a browser that dies takes its person out of the room', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await ada.sees(['Grace']);
  await grace.page.context().close();
  await ada.sees([]);
  await ada.reads('Only you so far', '#people-count');
});

test('the page asks nothing of any other host, and its console stays clean', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  const foreign = [];
  const complaints = [];
  page.on('request', (request) => request.url().startsWith(`${scene.server.url}/`) || foreign.push(request.url()));
  page.on('websocket', (socket) => new URL(socket.url()).host === new URL(scene.server.url).host || foreign.push(socket.url()));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const ada = await scene.person('Ada', { room, page });
  const grace = await scene.person('Grace', { room });
  await ada.sees(['Grace']);
  await grace.leave();
  await ada.sees([]);
  await ada.leave();
  assert.deepEqual(foreign, []);
  assert.deepEqual(complaints, []);
});
