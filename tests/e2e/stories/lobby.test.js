// Before the call, and calls without camera or microphone: nobody is shut out, and everybody is told why.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** Answers the page's question for devices. Runs in the page, before its scripts. */
function refuse(name) {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException('as the test wants it', name);
  };
}

/** @param {string} error name of the browser's error */
async function pageWithout(error) {
  const page = await scene.page();
  await page.addInitScript(refuse, error);
  return page;
}

test('a refused camera: the page says what to do, and joins as a listener who sees and hears', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const listener = await scene.visitor('Listener', { room, page: await pageWithout('NotAllowedError') });
  await listener.reads('Allow them in the address bar', '#media-problem');
  await listener.reads('Join as a listener', '#join');
  await listener.join();
  await listener.sees(['Ada']);
  await listener.seesPictures(1);
  await listener.hearsSound(1);
  assert.deepEqual(await listener.sent(), []);
  await until('Ada sees a listener', async () => (await ada.tile('Listener'))?.status === 'listening');
  await listener.page.click('#mic');
  await listener.reads('blocked', '#alerts');
});

test('a refusal that is taken back in the middle of the call: from listener to speaker', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  await page.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia;
    navigator.mediaDevices.getUserMedia = async (wish) => {
      if (window.allowed) return real(wish);
      throw new DOMException('not yet', 'NotAllowedError');
    };
  });
  const ada = await scene.person('Ada', { room });
  const shy = await scene.visitor('Shy', { room, page });
  await shy.join();
  await page.evaluate(() => (window.allowed = true));
  await page.click('#mic');
  await ada.hearsSound(1);
  await page.click('#cam');
  await ada.sees(['Shy']);
  await ada.seesPictures(1);
  await ada.hearsSound(1);
});

test('no camera at all, one that is in use, and one that is forbidden have words of their own', async () => {
  for (const [error, words] of [
    ['NotFoundError', 'There is no camera'],
    ['NotReadableError', 'another program may be using it'],
    ['NotAllowedError', 'blocked for this page'],
  ]) {
    const visitor = await scene.visitor('Ada', { room: scene.newRoom(), page: await pageWithout(error) });
    await visitor.reads(words, '#media-problem');
  }
});

test('a microphone without a camera is enough to be heard', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  await page.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia;
    navigator.mediaDevices.getUserMedia = async (wish) => {
      if (wish.video) throw new DOMException('there is none', 'NotFoundError');
      return real(wish);
    };
  });
  const grace = await scene.person('Grace', { room });
  const ada = await scene.visitor('Ada', { room, page });
  await ada.reads('There is no camera', '#media-problem');
  assert.equal(await ada.text('#join'), 'Join');
  await ada.join();
  await grace.hearsSound(1);
  assert.equal((await grace.tile('Ada')).picture, false);
});

test('on an insecure origin the page says that this is why, and joins all the same', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  // What browsers do with a page over http from another machine.
  await page.addInitScript(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined }));
  const ada = await scene.person('Ada', { room });
  const far = await scene.visitor('Far', { room, page });
  await far.reads('over https', '#media-problem');
  await far.join();
  await far.sees(['Ada']);
  await ada.reads('2 people', '#people-count');
});

test('a camera that comes after “Try again” is used', async () => {
  const room = scene.newRoom();
  const page = await scene.page();
  await page.addInitScript(() => {
    const real = navigator.mediaDevices.getUserMedia;
    navigator.mediaDevices.getUserMedia = async (wish) => {
      if (window.allowed) return real(wish);
      throw new DOMException('not yet', 'NotAllowedError');
    };
  });
  const ada = await scene.visitor('Ada', { room, page });
  await ada.reads('blocked', '#media-problem');
  await page.evaluate(() => (window.allowed = true));
  await page.click('#media-retry');
  await ada.isReady();
  await until('the problem is gone', () => page.locator('#media-problem').isHidden());
});

test('the name is remembered, the room comes from the link', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada ❤', { room });
  assert.equal(new URL(ada.page.url()).searchParams.get('room'), room);
  await ada.leave();
  await ada.page.goto(`${scene.server.url}/?room=elsewhere`);
  await until('the fields are filled', async () => (await ada.page.inputValue('#name')) === 'Ada ❤');
  assert.equal(await ada.page.inputValue('#room'), 'elsewhere');
});

test('microphone and camera that are switched off in the lobby stay off in the call', async () => {
  const room = scene.newRoom();
  const grace = await scene.person('Grace', { room });
  const ada = await scene.visitor('Ada', { room });
  await ada.isReady();
  await ada.page.click('#lobby-mic');
  await ada.page.click('#lobby-cam');
  await ada.join();
  await until('Ada is there, muted and dark', async () => {
    const tile = await grace.tile('Ada');
    return tile?.muted && !tile.picture;
  });
});
