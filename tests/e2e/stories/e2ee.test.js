// End-to-end encryption: the server forwards what it cannot read, and only who has the passphrase sees and hears.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

const KEY = 'a deep and quiet pool';
const withKey = (key) => ({ e2ee: { key } });

/** @param {import('../harness/coder.js').Coder} coder @param {string} state */
function learns(coder, state) {
  return coder.hears('encryption', ({ encryption }) => encryption === state);
}

/** Packets of both kinds keep coming, and not a frame or a sound is made of them. @param {import('../harness/actor.js').Actor} actor */
async function getsNothingOutOfIt(actor) {
  const flows = () => actor.received();
  await until(`${actor.name} gets packets of both kinds`, async () => {
    const rows = await flows();
    return ['audio', 'video'].every((kind) => rows.some((row) => row.kind === kind && row.packets > 30));
  });
  for (const { kind, frames, energy } of await flows()) assert.deepEqual([frames, energy], [0, 0], kind);
}

test('with the passphrase there is picture and sound; with another, or with none, there is nothing', async () => {
  const room = scene.newRoom();
  const ada = await scene.coder('ada', { room, options: withKey(KEY) });
  const grace = await scene.coder('grace', { room, options: withKey(KEY) });
  const wrong = await scene.coder('wrong', { room, options: withKey('a shallow one') });
  const none = await scene.coder('none', { room });
  await ada.publish();
  await grace.seesPictures(1);
  await grace.hearsSound(1);
  await learns(grace, 'open');
  await learns(wrong, 'wrong-key');
  await learns(none, 'no-key');
  await getsNothingOutOfIt(wrong);
  await getsNothingOutOfIt(none);
});

test('who comes late to an encrypted call gets a picture at once', async () => {
  const room = scene.newRoom();
  const ada = await scene.coder('ada', { room, options: withKey(KEY) });
  await ada.publish();
  const grace = await scene.coder('grace', { room, options: withKey(KEY) });
  // Long into the stream, no key frame is due for a long while.
  await grace.seesPictures(1);
  await until('many frames have passed', async () => (await grace.total('video')) > 40);
  const late = await scene.coder('late', { room, options: withKey(KEY) });
  await late.seesPictures(1, { within: 5_000 });
  await late.hearsSound(1);
});

test('a passphrase that is given later opens what is there', async () => {
  const room = scene.newRoom();
  const ada = await scene.coder('ada', { room, options: withKey(KEY) });
  await ada.publish();
  const late = await scene.coder('late', { room, options: withKey('not this one') });
  await learns(late, 'wrong-key');
  await late.page.evaluate((key) => room.setKey(key), KEY);
  await late.seesPictures(1);
  await late.hearsSound(1);
});

test('who sends in the clear is not shown to those who encrypt, until they all do', async () => {
  const room = scene.newRoom();
  const open = await scene.coder('open', { room });
  await open.publish();
  const ada = await scene.coder('ada', { room, options: withKey(KEY) });
  await learns(ada, 'not-encrypted');
  await getsNothingOutOfIt(ada);
  await open.page.evaluate((key) => room.setKey(key), KEY);
  await ada.seesPictures(1);
  await ada.hearsSound(1);
});

test('on the page a link is enough, it says so, and the passphrase never leaves the browser', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  const sent = [];
  page.on('request', (request) => sent.push(request.url(), request.postData() ?? '', JSON.stringify(request.headers())));
  page.on('websocket', (socket) => {
    sent.push(socket.url());
    socket.on('framesent', ({ payload }) => sent.push(String(payload)));
  });
  const ada = await scene.person('Ada', { room, page, key: KEY });
  const grace = await scene.person('Grace', { room, key: KEY });
  const wrong = await scene.person('Wrong', { room, key: 'a shallow one' });
  await until('Grace sees Ada', async () => (await grace.tile('Ada'))?.picture);
  await until('Ada sees Grace', async () => (await ada.tile('Grace'))?.picture);
  assert.equal(await page.locator('#encrypted').isVisible(), true);
  assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('key'), KEY, 'for when the page is loaded again');
  await until('the other passphrase shows nothing, and says why', async () => {
    const tile = await wrong.tile('Ada');
    return tile?.note.includes('another passphrase') && !tile.picture;
  });
  assert.ok(sent.length > 10);
  for (const secret of [KEY, encodeURIComponent(KEY), KEY.replaceAll(' ', '+')]) {
    assert.equal(sent.some((text) => text.includes(secret)), false, 'the server was told');
  }
});

test('the switch in the lobby makes up a passphrase, and the link has it', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  const ada = await scene.visitor('Ada', { room, page });
  await ada.isReady();
  await page.getByLabel('Encrypt end to end').check();
  const key = await page.inputValue('#passphrase');
  assert.match(key, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/);
  await page.fill('#passphrase', '');
  await page.click('#join');
  assert.equal(await page.locator('#lobby').isVisible(), true, 'not without a passphrase');
  await page.fill('#passphrase', key);
  await ada.join();
  assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('key'), key);
  await page.evaluate(() => Object.assign(navigator.clipboard, { writeText: async (text) => (window.copied = text) }));
  await page.click('#copy-link');
  await ada.wasTold('has the passphrase');
  const link = new URL(await page.evaluate(() => window.copied));
  assert.equal(new URLSearchParams(link.hash.slice(1)).get('key'), key);
});
