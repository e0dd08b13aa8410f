// Somebody who uses the demo page.

import assert from 'node:assert/strict';
import { Actor } from './actor.js';
import { tiles } from './in-page.js';
import { until } from './until.js';

/** In the page: a toast passes after seconds, and a slow machine must not miss it. */
function keepToasts() {
  window.toldInToasts = [];
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) window.toldInToasts.push(node.textContent);
  }).observe(document.getElementById('toasts'), { childList: true });
}

export class Person extends Actor {
  /**
   * @param {any} page
   * @param {string} name
   */
  constructor(page, name) {
    super(page);
    this.name = name;
  }

  /** @param {string} url of the server @param {string} room @param {{ token?: string, key?: string }} [secrets] */
  async visit(url, room, { token, key } = {}) {
    const secrets = new URLSearchParams({ ...(token && { token }), ...(key && { key }) });
    await this.page.goto(`${url}/?room=${encodeURIComponent(room)}#${secrets}`);
    await this.page.evaluate(keepToasts);
    await until('the lobby stands', () => this.page.evaluate(() => document.activeElement?.id === 'name'));
    await this.page.evaluate((name) => {
      const field = document.getElementById('name');
      field.value = name;
      field.dispatchEvent(new Event('input'));
    }, this.name);
  }

  /** Waits for camera and microphone, as people do who look at themselves first. */
  async isReady() {
    await until(`${this.name}’s camera is on`, () =>
      this.page.evaluate(() => document.getElementById('preview').videoWidth > 0),
    );
  }

  async join() {
    await this.page.click('#join');
    await this.isIn();
  }

  async isIn() {
    await until(`${this.name} is in the room`, () =>
      this.page.evaluate(() => document.getElementById('banner').hidden && !document.getElementById('call').hidden),
    );
  }

  tiles() {
    return this.page.evaluate(tiles);
  }

  /** @param {string} name */
  async tile(name) {
    return (await this.tiles()).find((tile) => tile.name === name);
  }

  /**
   * Waits until exactly these others have a tile, each with a picture.
   *
   * @param {string[]} names
   */
  async sees(names) {
    const wanted = [...names].sort().join();
    let shown = '';
    const look = async () => {
      const others = (await this.tiles()).filter(({ name }) => name !== `${this.name} (you)` && name !== 'Your screen');
      shown = JSON.stringify(others);
      return others.every(({ picture }) => picture) && others.map(({ name }) => name).sort().join() === wanted;
    };
    await until(`${this.name} sees ${wanted || 'nobody'}`, look).catch((error) => assert.fail(`${error.message}; the tiles are ${shown}`));
  }

  /** @param {string} selector @returns {Promise<string>} its text */
  text(selector) {
    return this.page.evaluate((wanted) => document.querySelector(wanted)?.textContent ?? '', selector);
  }

  /** @param {string} part of a text @param {string} selector where it must appear */
  async reads(part, selector) {
    let text = '';
    const look = async () => (text = await this.text(selector)).includes(part);
    await until(`${this.name} reads “${part}”`, look).catch((error) => assert.fail(`${error.message}; ${selector} says “${text}”`));
  }

  /** @param {string} part of a toast, shown now or gone already */
  async wasTold(part) {
    let toasts = '';
    const look = async () => (toasts = await this.page.evaluate(() => window.toldInToasts.join(' | '))).includes(part);
    await until(`${this.name} was told “${part}”`, look).catch((error) => assert.fail(`${error.message}; the toasts were “${toasts}”`));
  }

  async leave() {
    await this.page.click('#leave');
    await until(`${this.name} is in the lobby again`, () => this.page.evaluate(() => !document.getElementById('lobby').hidden));
  }
}
