// A server that asks for tokens: the page comes in with the one in its address, nobody does without, and an administrator may more.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { Server } from '../harness/server.js';
import { until } from '../harness/until.js';

const SETTING = 'auth.secret=a secret that is long enough for it';

const scene = new Scene({ start: () => Server.start([SETTING]) });

/** As the command line makes it. @param {string} uid @param {string} room @param {string[]} more options */
function token(uid, room, ...more) {
  const args = ['token', '--set', SETTING, '--uid', uid, '--room', room, ...more];
  return execFileSync(process.env.ANABRANCH_BIN, args, { encoding: 'utf8' }).trim();
}

test('two people with tokens see each other, also after loading the page again', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room, token: token('Ada', room) });
  const ben = await scene.person('Ben', { room, token: token('Ben', room) });
  await ada.sees(['Ben']);
  await ben.sees(['Ada']);
  await ben.page.reload();
  await ben.isReady();
  await ben.join();
  await ben.sees(['Ada']);
  assert.doesNotMatch(scene.server.log, /bearer|eyJ/, 'no token stands in the log');
});

test('without a token nobody comes in', async () => {
  const eve = await scene.visitor('Eve', { room: scene.newRoom() });
  const errors = [];
  eve.page.on('websocket', (socket) => socket.on('socketerror', (error) => errors.push(error)));
  await eve.isReady();
  await eve.page.click('#join');
  await until('it was tried twice', () => errors.length >= 2);
  assert.match(errors.join(), /Authentication failed/);
});

test('a stream that an administrator mutes is neither seen nor heard, by late ones either, until it is let through again', async () => {
  const room = scene.newRoom();
  const headers = { authorization: `Bearer ${token('ops', room, '--admin')}` };
  const address = `${scene.server.url}/admin/rooms/${encodeURIComponent(room)}`;
  const ada = await scene.person('Ada', { room, token: token('Ada', room) });
  const ben = await scene.person('Ben', { room, token: token('Ben', room) });
  await ada.sees(['Ben']);
  await ben.hearsSound(1);
  const { streams } = await (await fetch(address, { headers })).json();
  const { mid } = streams.find(({ uid }) => uid === 'Ada');
  const turn = async (how) => {
    const answer = await fetch(`${address}/streams/${encodeURIComponent(mid)}/${how}`, { method: 'POST', headers });
    assert.equal(answer.status, 200);
  };
  // Ada's is the first that Ben has.
  const pictures = async () => (await ben.received()).find(({ kind }) => kind === 'video').frames;
  const sound = async () => (await ben.received()).find(({ kind }) => kind === 'audio').energy;
  await turn('mute');
  await until('Ben gets nothing more', async () => {
    const before = [await pictures(), await sound()];
    const frames = await ada.total('video');
    // As much of the other direction: had there been something, it had come.
    await until('time has passed', async () => (await ada.total('video')) > frames + 15);
    return (await pictures()) === before[0] && (await sound()) - before[1] < 1e-9;
  });
  const late = await scene.person('Late', { room, token: token('Late', room) });
  await late.seesPictures(1);
  await late.hearsSound(1);
  const before = [await pictures(), await sound()];
  await turn('unmute');
  await late.seesPictures(2);
  await late.hearsSound(2);
  await until('Ben sees and hears Ada again', async () =>
    (await pictures()) > before[0] + 10 && (await sound()) > before[1] + 1e-6,
  );
});
