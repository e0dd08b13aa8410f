// A camera in three sizes: each receiver gets the one that fits, and what nobody takes is not even sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getsWidth, picture, prefers, publishLarge } from '../harness/layers.js';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** Widths of the layers of a camera of 960 pixels. */
const WIDTH = { q: 240, h: 480, f: 960 };

/** Names of the layers that are switched on. @param {import('../harness/coder.js').Coder} coder */
function sentLayers(coder) {
  return coder.page.evaluate(() => {
    const { encodings } = publication.pc.getSenders().find(({ track }) => track?.kind === 'video').getParameters();
    return encodings.filter(({ active }) => active).map(({ rid }) => rid).join('');
  });
}

/** @param {import('../harness/coder.js').Coder} coder @param {string} layers */
function sends(coder, layers) {
  return until(`${coder.name} sends ${layers || 'no layer'}`, async () => (await sentLayers(coder)) === layers);
}

test('three sizes leave, and each receiver gets the one that fits', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room });
  const large = await scene.coder('large', { room });
  const small = await scene.coder('small', { room });
  await publishLarge(camera, { simulcast: true });
  await until('all layers have left', async () => {
    const rows = (await camera.sent()).filter(({ kind, packets }) => kind === 'video' && packets > 0);
    return rows.map(({ rid }) => rid).sort().join('') === 'fhq';
  });
  await small.seesPictures(1);
  await prefers(small, { maxHeight: 150 });
  await getsWidth(small, WIDTH.q);
  await getsWidth(large, WIDTH.f);
  assert.equal((await picture(small)).width, WIDTH.q, 'whatever the others get');
});

test('a larger place gets a larger picture, and the picture does not stop for it', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room });
  const viewer = await scene.coder('viewer', { room });
  await publishLarge(camera, { simulcast: true });
  await viewer.seesPictures(1);
  await prefers(viewer, { maxHeight: 150 });
  await getsWidth(viewer, WIDTH.q);
  const before = await picture(viewer);
  await prefers(viewer, {});
  await getsWidth(viewer, WIDTH.f);
  const after = await picture(viewer);
  assert.equal(after.freezes, before.freezes, 'it never stood still');
  await prefers(viewer, { maxHeight: 300 });
  await getsWidth(viewer, WIDTH.h);
  await until('the picture goes on', async () => (await picture(viewer)).frames > after.frames + 20);
});

test('what is preferred from the first moment is what comes first', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room });
  await publishLarge(camera, { simulcast: true });
  const viewer = await scene.coder('viewer', { room, subscribe: false });
  const mid = await viewer.page.evaluate(() => room.streams[0].mid);
  await viewer.page.evaluate((mid) => {
    const subscription = room.subscribe(mid, { prefer: { maxHeight: 150 } });
    subscription.on('media', (stream) => {
      window.player = new Audio();
      player.srcObject = stream;
      void player.play();
    });
  }, mid);
  await viewer.seesPictures(1);
  assert.equal((await picture(viewer)).width, WIDTH.q);
});

test('a layer that nobody takes is not sent, and is there again for who wants it', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room });
  const viewer = await scene.coder('viewer', { room });
  await publishLarge(camera, { simulcast: true });
  await viewer.seesPictures(1);
  await prefers(viewer, { maxHeight: 150 });
  await getsWidth(viewer, WIDTH.q);
  await sends(camera, 'q');
  await prefers(viewer, {});
  await getsWidth(viewer, WIDTH.f);
  assert.match(await sentLayers(camera), /f/);
  await viewer.leave();
  await sends(camera, '');
  const late = await scene.coder('late', { room });
  await late.seesPictures(1, { within: 10_000 });
});

test('on the page, a small tile asks for a small picture, and a tile that grows for a larger one', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room });
  await publishLarge(camera, { simulcast: true });
  const page = await scene.page({ viewport: { width: 340, height: 320 } });
  const ada = await scene.person('Ada', { room, page });
  await ada.seesPictures(1);
  await getsWidth(ada, WIDTH.q);
  await page.setViewportSize({ width: 1600, height: 1000 });
  await until('the picture is a large one', async () => (await picture(ada)).width > WIDTH.q, { within: 40_000 });
});
