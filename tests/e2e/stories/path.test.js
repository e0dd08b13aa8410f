// A machine that comes into another network: media goes on, under the same ids, over a path that is made anew.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** The names by which both ends of its only session's path know each other (ICE, RFC 8445). @param {import('../harness/coder.js').Coder} coder */
const path = (coder) =>
  coder.page.evaluate(() => {
    const { pc } = [...room.publications, ...room.subscriptions][0];
    return [pc.currentLocalDescription, pc.currentRemoteDescription].map(({ sdp }) => /a=ice-ufrag:(\S+)/.exec(sdp)[1]).join(' ');
  });

test('in another network the path is renewed, and nothing else: same ids, same picture, same sound', async () => {
  const room = scene.newRoom();
  const camera = await scene.coder('camera', { room, subscribe: false });
  const viewer = await scene.coder('viewer', { room });
  const mid = await camera.publish();
  await viewer.seesPictures(1);
  const sid = await viewer.page.evaluate(() => room.subscriptions[0].sid);
  for (const coder of [camera, viewer]) {
    const before = await path(coder);
    // What a browser says of its own when the network is another one.
    await coder.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await until(`${coder.name} has another path`, async () => {
      const [ours, theirs] = (await path(coder)).split(' ');
      return !before.includes(ours) && !before.includes(theirs);
    });
  }
  const [frames, energy] = [await viewer.total('video'), await viewer.total('audio')];
  await until('picture and sound go on', async () => (await viewer.total('video')) > frames + 20 && (await viewer.total('audio')) > energy + 1e-6);
  assert.equal(await camera.page.evaluate(() => publication.mid), mid);
  assert.equal(await viewer.page.evaluate(() => room.subscriptions[0].sid), sid);
  assert.equal((await viewer.events()).some(({ name }) => name === 'stream-remove'), false);
});
