// Makes the README's picture of a call, from a real one: ANABRANCH_BIN=… node screenshot.js [FILE]

import { fileURLToPath } from 'node:url';
import { launchChromium } from './harness/browsers.js';
import { Person } from './harness/person.js';
import { portraitCamera } from './harness/portrait.js';
import { prepare } from './harness/in-page.js';
import { Server } from './harness/server.js';
import { until } from './harness/until.js';

const FILE = process.argv[2] ?? fileURLToPath(new URL('../../docs/call.png', import.meta.url));
const ROOM = 'oxbow-217';

const LOOKS = {
  Ada: { wall: ['#e9d9c3', '#c9ad8d'], skin: '#e8b48f', hair: '#5a3321', shirt: '#0b6b64', cut: 'bun', room: 'window', speaks: false },
  Grace: { wall: ['#33424f', '#1c2731'], skin: '#9a6444', hair: '#1d1513', shirt: '#d98e2b', cut: 'long', room: 'shelf', speaks: true },
  Emil: { wall: ['#5c5470', '#352f44'], skin: '#f0c7a4', hair: '#b8743a', shirt: '#45608a', cut: 'short', room: 'studio', speaks: false },
};

const LINES = [
  ['Emil', 'Morning! Can you both see the delta?'],
  ['Grace', 'Crystal clear. And in stereo, too.'],
  ['Ada', 'Then let’s go with the flow.'],
];

const server = await Server.start();
const browser = await launchChromium();
try {
  const people = {};
  for (const name of Object.keys(LOOKS)) people[name] = await comesIn(name);
  for (const person of Object.values(people)) await person.seesPictures(2);
  await people.Ada.page.click('#chat-toggle');
  for (const [name, text] of LINES) await says(people, name, text);
  await until('Grace is seen speaking', () => people.Ada.page.locator('.tile.speaking').count());
  await until('the toasts are gone', async () => (await people.Ada.text('#toasts')) === '');
  await people.Ada.page.evaluate(() => document.activeElement.blur());
  await people.Ada.page.screenshot({ path: FILE });
} finally {
  await browser.close();
  await server.stop();
}

/** @param {string} name */
async function comesIn(name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, colorScheme: 'dark' });
  await context.addInitScript(prepare);
  await context.addInitScript(portraitCamera, LOOKS[name]);
  const person = new Person(await context.newPage(), name);
  await person.visit(server.url, ROOM);
  await person.isReady();
  await person.join();
  return person;
}

/** @param {Record<string, Person>} people @param {string} name @param {string} text */
async function says(people, name, text) {
  const { page } = people[name];
  if (name !== 'Ada') await page.evaluate(() => (document.getElementById('chat-panel').hidden = false));
  await page.fill('#chat-text', text);
  await page.press('#chat-text', 'Enter');
  await people.Ada.reads(text, '#chat-log');
}
