// How well a stream arrives is seen on its tile.

import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

test('a tile says that all is well, that nothing comes any more, and that it does again', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await ada.sees(['Grace']);
  const says = (words) => until(`Grace’s tile says “${words}”`, async () => (await ada.tile('Grace'))?.quality === words);
  await says('good connection');
  // Nothing is sent any more: to Ada it looks as a cable does that was pulled.
  await grace.page.evaluate(async () => {
    window.cut = peerConnections.flatMap((pc) => pc.getSenders()).filter(({ track }) => track).map((sender) => [sender, sender.track]);
    await Promise.all(cut.map(([sender]) => sender.replaceTrack(null)));
  });
  await says('connection lost');
  await grace.page.evaluate(() => Promise.all(cut.map(([sender, track]) => sender.replaceTrack(track))));
  await says('good connection');
});
