// aiortc, a WebRTC of its own in Python: publishes to browsers and receives from them, real RTP counted both ways.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { PythonPeer } from '../harness/python.js';
import { Scene } from '../harness/scene.js';

const scene = new Scene();
const peers = [];

/** @param {string} room @param {string} uid @param {'publish' | 'subscribe'} task */
function python(room, uid, task) {
  const peer = new PythonPeer(scene.server.url, room, uid, task);
  peers.push(peer);
  return peer;
}

afterEach(() => peers.splice(0).forEach((peer) => peer.kill()));

const pictureAndSound = ({ pictures, sounds, loudest }) => pictures >= 20 && sounds >= 50 && loudest > 1_000;

test('aiortc publishes: a browser sees and hears it, on the page and through the library', async () => {
  const room = scene.newRoom();
  const snake = python(room, 'Snake', 'publish');
  await snake.tells('published');
  const ada = await scene.person('Ada', { room });
  await ada.sees(['Snake']);
  await ada.seesPictures(1);
  await ada.hearsSound(1);
  const { sent } = await snake.counts('what it sent', (counts) => counts.sent > 100);
  assert.ok(sent > 100);
  const codecs = (await ada.received()).map(({ codec }) => codec).sort();
  assert.deepEqual(codecs, ['audio/opus', 'video/VP8']);
  assert.equal(await snake.leave(), 0);
  await ada.sees([]);
});

test('aiortc subscribes: it decodes what a browser sends', async () => {
  const room = scene.newRoom();
  const one = await scene.coder('one', { room });
  const mid = await one.publish();
  const snake = python(room, 'Snake', 'subscribe');
  assert.equal((await snake.tells('subscribed')).mid, mid);
  const { received, width } = await snake.counts('pictures and sound', pictureAndSound);
  assert.ok(received > 70);
  assert.equal(width, 320);
  await one.unpublish();
  await snake.tells('ended');
});

test('aiortc to aiortc, no browser at all', async () => {
  const room = scene.newRoom();
  const listener = python(room, 'Listener', 'subscribe');
  await listener.tells('joined');
  const speaker = python(room, 'Speaker', 'publish');
  await listener.counts('pictures and sound', pictureAndSound);
  assert.equal(await speaker.leave(), 0);
  await listener.tells('ended');
});
