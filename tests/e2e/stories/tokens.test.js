// A server that asks for tokens: the page comes in with the one in its address, and nobody without.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { Server } from '../harness/server.js';
import { until } from '../harness/until.js';

const SETTING = 'auth.secret=a secret that is long enough for it';

const scene = new Scene({ start: () => Server.start([SETTING]) });

/** As the command line makes it. @param {string} uid @param {string} room */
function token(uid, room) {
  const args = ['token', '--set', SETTING, '--uid', uid, '--room', room];
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
