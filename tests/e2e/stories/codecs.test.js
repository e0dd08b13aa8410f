// Codecs beside VP8: sent by one browser, decoded by another, from the first key frame on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';

const scene = new Scene();

/** The codecs that the page's received video has by its statistics. @param {import('../harness/coder.js').Coder} coder */
function received(coder) {
  return coder.page.evaluate(async () => {
    const found = [];
    for (const { pc } of room.subscriptions) {
      const report = await pc.getStats();
      for (const rtp of report.values()) {
        if (rtp.type === 'inbound-rtp' && rtp.kind === 'video') found.push(report.get(rtp.codecId)?.mimeType);
      }
    }
    return found;
  });
}

for (const codec of ['VP9', 'AV1', 'H264']) {
  test(`${codec} is seen by who was there and by who comes later`, async (t) => {
    const room = scene.newRoom();
    const one = await scene.coder('one', { room });
    const sends = await one.page.evaluate(
      (name) => RTCRtpSender.getCapabilities('video').codecs.some(({ mimeType }) => mimeType === `video/${name}`),
      codec,
    );
    if (!sends) return t.skip(`this browser has no encoder for ${codec}`);
    const two = await scene.coder('two', { room });
    await one.publish({ videoCodec: codec });
    await two.seesPictures(1);
    const late = await scene.coder('late', { room });
    await late.seesPictures(1);
    for (const coder of [two, late]) assert.deepEqual(await received(coder), [`video/${codec}`]);
  });
}

test('a codec that the browser does not have is an error that names it', async () => {
  const one = await scene.coder('one', { room: scene.newRoom() });
  await assert.rejects(one.publish({ videoCodec: 'H261' }), /does not send H261/);
});
