// The server says who speaks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** Publishes a tone whose loudness the test holds. @param {import('../harness/coder.js').Coder} coder @param {number} gain */
async function publishTone(coder, gain) {
  await coder.page.evaluate(async (gain) => {
    const context = new AudioContext();
    window.loudness = new GainNode(context, { gain });
    const out = new MediaStreamAudioDestinationNode(context);
    const tone = new OscillatorNode(context, { frequency: 300 });
    tone.connect(loudness).connect(out);
    tone.start();
    window.publication = room.publish({ audio: out.stream.getAudioTracks()[0] });
    window.keep = [context, out];
    await publication.ready;
  }, gain);
}

const setLoudness = (coder, gain) => coder.page.evaluate((gain) => (loudness.gain.value = gain), gain);

/** @param {import('../harness/coder.js').Coder} coder @returns {Promise<string>} uids, the loudest first */
const heard = (coder) => coder.page.evaluate(() => room.speakers.map(({ uid }) => uid).join(' '));

const learns = (coder, uids) => until(`${coder.name} learns that ${uids || 'nobody'} speaks`, async () => (await heard(coder)) === uids);

test('who speaks is told to everybody, the loudest first, and nobody when it is silent', async () => {
  const room = scene.newRoom();
  const loud = await scene.coder('loud', { room });
  const soft = await scene.coder('soft', { room });
  const watcher = await scene.coder('watcher', { room, subscribe: false });
  await publishTone(loud, 0);
  await publishTone(soft, 0.1);
  for (const coder of [loud, soft, watcher]) await learns(coder, 'soft');
  await setLoudness(loud, 0.8);
  for (const coder of [loud, soft, watcher]) await learns(coder, 'loud soft');
  await setLoudness(loud, 0);
  await setLoudness(soft, 0);
  for (const coder of [loud, soft, watcher]) await learns(coder, '');
  const levels = (await watcher.events()).filter(({ name }) => name === 'active-speakers').flatMap(({ speakers }) => speakers.map(({ level }) => level));
  assert.ok(levels.length > 0 && levels.every((level) => level >= -127 && level <= 0), String(levels));
});

test('on the page, the tile of who speaks has a ring, also where the voice is not played', async () => {
  const room = scene.newRoom();
  const talker = await scene.coder('talker', { room });
  await publishTone(talker, 0.5);
  const ada = await scene.person('Ada', { room });
  const speaking = () => ada.page.locator('.tile.speaking:not(.own)').count();
  await until('the talker’s tile has the ring', async () => (await speaking()) === 1);
  await setLoudness(talker, 0);
  await until('the ring is gone', async () => (await speaking()) === 0);
});
