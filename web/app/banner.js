// Says that the server is away, and when it is tried again; says that the call is back. A connection that comes
// back through another server in a moment is nobody's concern: the media has not stopped.

import { byId, setText } from './dom.js';
import { toast } from './speak.js';

const TICK_MS = 500;
/** A shorter loss is not told. */
const UNNOTICED_MS = 2_000;

export class Banner {
  #banner = byId('banner', HTMLElement);
  #text = byId('banner-text', HTMLElement);
  #countdown = byId('banner-countdown', HTMLElement);
  #retry = byId('banner-retry', HTMLButtonElement);
  #root = byId('call', HTMLElement);
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** When the loss began that lasts. */
  #since = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patience;

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
    const now = performance.now();
    this.#since ||= now;
    clearTimeout(this.#patience);
    const show = () => this.#say(retryMs - (performance.now() - now), joined);
    this.#patience = setTimeout(show, joined ? Math.max(0, this.#since + UNNOTICED_MS - now) : 0);
  }

  /**
   * @param {number} retryMs
   * @param {boolean} joined
   */
  #say(retryMs, joined) {
    this.#root.classList.add('away');
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
    const told = !this.#banner.hidden;
    this.close();
    if (again && told) toast('Connected again.');
  }

  close() {
    clearInterval(this.#timer);
    clearTimeout(this.#patience);
    this.#since = 0;
    this.#root.classList.remove('away');
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
