// Says that the server is away, and when it is tried again; says that the call is back.

import { byId, setText } from './dom.js';
import { toast } from './speak.js';

const TICK_MS = 500;

export class Banner {
  #banner = byId('banner', HTMLElement);
  #text = byId('banner-text', HTMLElement);
  #countdown = byId('banner-countdown', HTMLElement);
  #retry = byId('banner-retry', HTMLButtonElement);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /** @param {import('../lib/anabranch.js').Client} client */
  constructor(client) {
    this.#retry.onclick = () => client.retryNow();
  }

  /** The way to the server is being opened for the first time. */
  connecting() {
    this.#show('Connecting to the server …');
    this.#retry.hidden = true;
  }

  /**
   * @param {number} retryMs
   * @param {boolean} joined whether there was a call already
   */
  lost(retryMs, joined) {
    this.#show(
      joined
        ? 'The connection to the server is lost. The call comes back by itself as soon as the server answers.'
        : 'The server does not answer. Still trying.',
    );
    this.#retry.hidden = false;
    const until = performance.now() + retryMs;
    const tick = () => {
      const seconds = Math.ceil((until - performance.now()) / 1000);
      setText(this.#countdown, seconds > 0 ? `Next try in ${seconds} s` : 'Trying …');
    };
    tick();
    clearInterval(this.#timer);
    this.#timer = setInterval(tick, TICK_MS);
  }

  /** @param {boolean} again whether it was lost before */
  joined(again) {
    this.close();
    if (again) toast('Connected again.');
  }

  close() {
    clearInterval(this.#timer);
    this.#banner.hidden = true;
    setText(this.#text, '');
    setText(this.#countdown, '');
  }

  /** @param {string} text */
  #show(text) {
    this.#banner.hidden = false;
    setText(this.#text, text);
  }
}
