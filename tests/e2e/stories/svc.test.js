// One encoding in spatial layers (SVC): each receiver gets as many of them as it wants, out of the same stream.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getsWidth, picture, prefers, publishLarge } from '../harness/layers.js';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** Publishes a camera in three spatial and three temporal layers. @param {import('../harness/coder.js').Coder} coder @param {string} codec */
async function publishLayers(coder, codec) {
  await publishLarge(coder, { videoCodec: codec });
  await coder.page.evaluate(async () => {
    const sender = publication.pc.getSenders().find(({ track }) => track?.kind === 'video');
    const parameters = sender.getParameters();
    parameters.encodings[0].scalabilityMode = 'L3T3';
    await sender.setParameters(parameters);
  });
}

for (const codec of ['VP9', 'AV1']) {
  test(`of ${codec} in layers each receiver gets those that it wants, and goes on without a freeze`, async (t) => {
    const room = scene.newRoom();
    const camera = await scene.coder('camera', { room });
    const layered = await camera.page.evaluate(
      (name) => RTCRtpSender.getCapabilities('video').codecs.some(({ mimeType, scalabilityModes }) =>
        mimeType === `video/${name}` && (scalabilityModes ?? ['L3T3']).includes('L3T3')),
      codec,
    );
    if (!layered) return t.skip(`this browser has no layers of ${codec}`);
    const large = await scene.coder('large', { room });
    const small = await scene.coder('small', { room });
    await publishLayers(camera, codec);
    await getsWidth(large, 960);
    await getsWidth(small, 960);
    await prefers(small, { maxHeight: 150 });
    await getsWidth(small, 240);
    await getsWidth(large, 960);
    assert.equal((await picture(small)).width, 240, 'whatever the others get');
    const before = await picture(small);
    await until('the small picture goes on', async () => (await picture(small)).frames > before.frames + 20);
    await prefers(small, {});
    await getsWidth(small, 960);
    assert.equal((await picture(small)).freezes, before.freezes, 'it never stood still');
  });
}
