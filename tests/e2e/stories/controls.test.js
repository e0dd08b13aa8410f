// What people do during a call: mute, stop the camera, share the screen, chat, look at the figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scene } from '../harness/scene.js';
import { until } from '../harness/until.js';

const scene = new Scene();

/** @param {import('../harness/person.js').Person} person @param {'audio' | 'video'} kind */
async function nothingMoreComes(person, kind) {
  let last = await person.total(kind);
  await until(`${person.name} gets no more ${kind}`, async () => {
    // As many packets of the other kind as a dozen frames or so take: had there been something, it had come.
    const other = kind === 'audio' ? 'video' : 'audio';
    const seen = (await person.received()).find((row) => row.kind === other).packets;
    await until('time has passed on the other stream', async () => (await person.received()).find((row) => row.kind === other).packets > seen + 30);
    const now = await person.total(kind);
    const still = now - last < 1e-9;
    last = now;
    return still;
  });
}

test('a muted microphone is silent and shown; unmuted it is heard again', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await grace.sees(['Ada']);
  await grace.hearsSound(1);
  await ada.page.click('#mic');
  await until('Ada is shown as muted', async () => (await grace.tile('Ada'))?.muted);
  assert.equal(await ada.page.getAttribute('#mic', 'aria-pressed'), 'false');
  await nothingMoreComes(grace, 'audio');
  const silent = await grace.total('audio');
  await ada.page.click('#mic');
  await until('Ada is heard again', async () => (await grace.total('audio')) > silent + 1e-6);
  await until('Ada is shown as heard', async () => (await grace.tile('Ada'))?.muted === false);
});

test('a stopped camera is dark for the others, for late ones too, and comes back', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await grace.seesPictures(1);
  await ada.page.click('#cam');
  await until('Ada’s picture is off', async () => (await grace.tile('Ada'))?.picture === false);
  await nothingMoreComes(grace, 'video');
  const late = await scene.person('Late', { room });
  await late.hearsSound(2);
  await until('Ada’s picture is off for the late one', async () => (await late.tile('Ada'))?.picture === false);
  const dark = await grace.total('video');
  await ada.page.click('#cam');
  await until('Ada is seen again', async () => (await grace.total('video')) > dark + 5);
  await grace.sees(['Ada', 'Late']);
  await late.sees(['Ada', 'Grace']);
});

test('a shared screen takes the stage, beside the camera, until it is stopped', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await ada.page.click('#share');
  await ada.reads('Stop sharing', '#share');
  await grace.sees(['Ada', 'Ada’s screen']);
  await grace.seesPictures(2);
  assert.equal(await grace.page.locator('#stage-main .tile').count(), 1);
  await ada.page.click('#share');
  await grace.sees(['Ada']);
  await until('the stage is the people’s again', () => grace.page.locator('#stage-main').isHidden());
});

test('what is written in the chat is read by the others, also when their panel is closed', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  const text = '<b>hello</b> “Grace” 👋';
  await ada.page.click('#chat-toggle');
  await ada.page.keyboard.type(text);
  await ada.page.keyboard.press('Enter');
  await ada.reads(text, '#chat-log');
  await grace.wasTold(`Ada: ${text}`);
  await grace.reads('1 new', '#chat-unread');
  await grace.page.click('#chat-toggle');
  await grace.reads(text, '#chat-log');
  assert.equal(await grace.text('#chat-unread'), '');
  await grace.page.fill('#chat-text', 'and back');
  await grace.page.keyboard.press('Enter');
  await ada.reads('and back', '#chat-log');
  assert.equal(await ada.page.inputValue('#chat-text'), '');
});

test('the panel shows codec, bitrate, loss, round trip and resolution of each stream', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await grace.seesPictures(1);
  await ada.seesPictures(1);
  await ada.page.click('#stats-toggle');
  await until('all figures are there', async () => {
    const cards = await ada.page.locator('.stats-card').allInnerTexts();
    const complete = (card) => /VP8/.test(card) && /opus/.test(card) && /\d+ × \d+/.test(card) && /\d bit\/s|\d kbit\/s|\d Mbit\/s/.test(card) && /\d ms/.test(card) && /\d %/.test(card);
    return cards.length === 2 && cards.every(complete) && /^You/.test(cards[0]) && /^Grace/.test(cards[1]);
  });
});

test('another microphone and another camera are taken during the call', async () => {
  const room = scene.newRoom();
  const ada = await scene.person('Ada', { room });
  const grace = await scene.person('Grace', { room });
  await grace.seesPictures(1);
  await grace.hearsSound(1);
  await ada.page.click('#settings-open');
  for (const label of ['Camera', 'Microphone']) {
    const field = ada.page.locator('#settings').getByLabel(label, { exact: true });
    const values = await field.locator('option').evaluateAll((options) => options.map(({ value }) => value));
    await field.selectOption(values.at(-1));
  }
  await ada.page.locator('#settings').getByLabel('Original sound in stereo').check();
  await ada.page.click('#settings button');
  const [frames, energy] = [await grace.total('video'), await grace.total('audio')];
  await until('Ada is still seen and heard', async () =>
    (await grace.total('video')) > frames + 10 && (await grace.total('audio')) > energy + 1e-6,
  );
});
