// The servers that a client may connect to, and which of them is next: another one at once, and only after a
// full round a pause. Knows no sockets.

import { Backoff } from './backoff.js';

/** So long at the most a client waits before it tries another server: not all of a dead one's at the same moment. */
const SOON_MS = 150;

export class Servers {
  /** @type {URL[]} */
  #urls = [];
  /** @type {URL} */
  #current;
  /** Failures since the last success or pause. */
  #failures = 0;
  #backoff = new Backoff();

  /** @param {Iterable<string | URL>} urls of the servers' `/ws`, at least one */
  constructor(urls) {
    this.add(urls);
    const [first] = this.#urls;
    if (!first) throw new TypeError('url: expected at least one');
    this.#current = first;
  }

  /** @param {Iterable<string | URL>} urls those that are known already change nothing */
  add(urls) {
    for (const url of [...urls].map((one) => new URL(one))) {
      if (!this.#urls.some(({ href }) => href === url.href)) this.#urls.push(url);
    }
  }

  /** The one to connect to now. */
  get current() {
    return this.#current;
  }

  /** The others in the order in which they are tried; where there are none, the same: it may stand for many. */
  get others() {
    const at = this.#urls.indexOf(this.#current);
    const others = [...this.#urls.slice(at + 1), ...this.#urls.slice(0, at)];
    return others.length > 0 ? others : [this.#current];
  }

  /** Pauses since the last success. */
  get attempt() {
    return this.#backoff.attempt;
  }

  /** The current one failed: the next one is current. @returns {number} milliseconds to wait before it is tried */
  failed() {
    this.#current = this.others[0] ?? this.#current;
    this.#failures += 1;
    if (this.#failures < this.#urls.length) return Math.round(SOON_MS * Math.random());
    this.#failures = 0;
    return this.#backoff.next();
  }

  /** This one is current, whatever was. @param {URL} url */
  choose(url) {
    this.#current = this.#urls.find(({ href }) => href === url.href) ?? this.#current;
  }

  /** The current one has held for a while. */
  succeeded() {
    this.#failures = 0;
    this.#backoff.reset();
  }
}
