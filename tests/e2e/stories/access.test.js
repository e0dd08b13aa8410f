// The page on a phone, by keyboard, and for a screen reader, in light and in dark.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

/** What axe finds wrong, in a form to read. @param {import('playwright-core').Page} page */
async function faults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}

/** Runs in the page. */
function sticksOut() {
  const wide = document.documentElement.scrollWidth > window.innerWidth;
  const out = [...document.querySelectorAll('button, input, select, .tile, .panel, p')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.visually-hidden'))
    .filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width > 1 && (left < -1 || right > window.innerWidth + 1);
    });
  return { wide, out: out.map((element) => element.outerHTML.slice(0, 100)) };
}

test('nothing sticks out on a phone: lobby, call, chat, streams', async () => {
  const room = scene.newRoom();
  await scene.person('Somebody with a rather long name, indeed', { room });
  const ada = await scene.visitor('Ada', { room, context: PHONE });
  await ada.isReady();
  const fits = async () => assert.deepEqual(await ada.page.evaluate(sticksOut), { wide: false, out: [] });
  await fits();
  await ada.join();
  await ada.seesPictures(1);
  await fits();
  for (const panel of ['chat', 'stats']) {
    await ada.page.tap(`#${panel}-toggle`);
    await fits();
    await ada.page.tap(`#${panel}-close`);
  }
  const height = await ada.page.evaluate(() => document.documentElement.scrollHeight - window.innerHeight);
  assert.ok(height <= 1, `the call is ${height} px too tall`);
});

test('a finger hits every button of the call', async () => {
  const ada = await scene.person('Ada', { room: scene.newRoom(), context: PHONE });
  const small = await ada.page.evaluate(() =>
    [...document.querySelectorAll('#call button')]
      .map((button) => ({ id: button.id, box: button.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.width < 40 || box.height < 40))
      .map(({ id, box }) => `${id} ${box.width}×${box.height}`),
  );
  assert.deepEqual(small, []);
});

test('a whole call by keyboard: join, mute, chat, leave', async () => {
  const room = scene.newRoom();
  const grace = await scene.person('Grace', { room });
  const ada = await scene.visitor('', { room });
  const { keyboard } = ada.page;
  ada.name = 'Ada';
  await ada.isReady();
  const focused = () => ada.page.evaluate(() => document.activeElement?.id);
  const tabTo = async (id) => {
    for (let steps = 0; steps < 30; steps += 1) {
      if ((await focused()) === id) return;
      await keyboard.press('Tab');
    }
    assert.fail(`Tab does not lead to #${id}`);
  };
  assert.equal(await focused(), 'name');
  await keyboard.type('Ada');
  await tabTo('join');
  await keyboard.press('Enter');
  await ada.isIn();
  assert.equal(await focused(), 'room-title', 'the focus is where the call begins');
  await grace.sees(['Ada']);
  await tabTo('mic');
  await keyboard.press('Space');
  await until('Ada is muted', async () => (await grace.tile('Ada'))?.muted);
  await tabTo('chat-toggle');
  await keyboard.press('Enter');
  assert.equal(await focused(), 'chat-text', 'the focus goes into the chat');
  await keyboard.type('by keyboard');
  await keyboard.press('Enter');
  await grace.wasTold('by keyboard');
  await ada.reads('by keyboard', '#chat-log');
  await keyboard.press('Escape');
  assert.equal(await focused(), 'chat-toggle', 'and back to its button');
  await tabTo('leave');
  await keyboard.press('Enter');
  await grace.sees([]);
  assert.equal(await focused(), 'join');
});

test('everything that can be used has a name, and what happens is said', async () => {
  const room = scene.newRoom();
  const ada = await scene.visitor('Ada', { room });
  await ada.isReady();
  const lobby = await ada.page.locator('body').ariaSnapshot();
  for (const name of ['textbox "Your name"', 'textbox "Room"', 'button "Microphone" [pressed]', 'button "Camera" [pressed]', 'button "Join"']) {
    assert.ok(lobby.includes(name), `the lobby has no ${name}:\n${lobby}`);
  }
  await ada.join();
  await scene.person('Grace', { room });
  await ada.sees(['Grace']);
  const call = await ada.page.locator('body').ariaSnapshot();
  for (const name of ['heading', 'button "Microphone" [pressed]', 'button "Camera" [pressed]', 'button "Share screen"', 'button "Chat"', 'button "Streams"', 'button "Devices"', 'button "Leave"', 'list "People"', 'Grace', 'button "Full screen: Grace"']) {
    assert.ok(call.includes(name), `the call has no ${name}:\n${call}`);
  }
  const said = await ada.page.evaluate(() =>
    ['alerts', 'toasts', 'banner-text', 'chat-log'].map((id) => document.getElementById(id)?.getAttribute('role')),
  );
  assert.deepEqual(said, ['alert', 'status', 'alert', 'log']);
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing wrong, ${colorScheme}: lobby, call, panels, dialog`, async () => {
    const room = scene.newRoom();
    const context = { colorScheme, reducedMotion: 'reduce' };
    await scene.person('Grace', { room });
    const ada = await scene.visitor('Ada', { room, context });
    await ada.isReady();
    assert.deepEqual(await faults(ada.page), [], 'lobby');
    await ada.join();
    await ada.sees(['Grace']);
    assert.deepEqual(await faults(ada.page), [], 'call');
    await ada.page.click('#cam');
    await ada.page.click('#chat-toggle');
    await ada.page.keyboard.type('A line to look at');
    await ada.page.keyboard.press('Enter');
    await ada.reads('A line', '#chat-log');
    assert.deepEqual(await faults(ada.page), [], 'chat');
    await ada.page.click('#stats-toggle');
    await until('figures are shown', () => ada.page.locator('.stats-card').count());
    assert.deepEqual(await faults(ada.page), [], 'streams');
    await ada.page.click('#settings-open');
    assert.deepEqual(await faults(ada.page), [], 'dialog');
  });
}

test('nothing moves for those who do not want it', async () => {
  const ada = await scene.person('Ada', { room: scene.newRoom(), context: { reducedMotion: 'reduce' } });
  const moving = await ada.page.evaluate(() => document.getAnimations().length);
  assert.equal(moving, 0);
});
