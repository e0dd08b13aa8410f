// Firefox and Chromium in one call, each seeing and hearing the other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';

const scene = new Scene();

test('Firefox and Chromium meet on the demo page', async () => {
  const room = scene.newRoom();
  const fox = await scene.person('Fox', { room, page: await scene.firefoxPage() });
  const chrome = await scene.person('Chrome', { room });
  await fox.sees(['Chrome']);
  await chrome.sees(['Fox']);
  for (const person of [fox, chrome]) {
    await person.seesPictures(1);
    await person.hearsSound(1);
    const codecs = (await person.received()).map(({ codec }) => codec).sort();
    assert.deepEqual(codecs, ['audio/opus', 'video/VP8']);
  }
});

test('Firefox and Chromium meet through the library, and Firefox publishes again', async () => {
  const room = scene.newRoom();
  const fox = await scene.coder('fox', { room, page: await scene.firefoxPage() });
  const chrome = await scene.coder('chrome', { room });
  const first = await fox.publish();
  await chrome.publish();
  await fox.seesPictures(1);
  await chrome.seesPictures(1);
  await fox.unpublish();
  await chrome.hears('stream-remove', ({ mid }) => mid === first);
  await fox.publish();
  await chrome.seesPictures(1);
  await chrome.hearsSound(1);
});

test('Firefox comes late and gets a picture at once', async () => {
  const room = scene.newRoom();
  await scene.person('Chrome', { room });
  const watcher = await scene.person('Watcher', { room });
  await watcher.seesPictures(1);
  const fox = await scene.person('Fox', { room, page: await scene.firefoxPage() });
  await fox.seesPictures(2, { within: 5_000 });
});
