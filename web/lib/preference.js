// What a receiver would like of a stream: which layer, how large, how important. Told to the server soon after it
// changes, once for many changes, and told again when the server could not take it just now.

import { hasCode, ErrorCode, isTransient } from './errors.js';

/**
 * @typedef {object} Prefer all optional; without any limit, the best that the network carries
 * @property {string} [rid] this layer of the publisher's, and no other
 * @property {number} [maxHeight] pixels, 1 to 65535: no layer that is higher, where there is a lower one
 * @property {number} [maxBitrate] bit/s
 * @property {number} [priority] 0 to 255, default 100: what is higher gets bandwidth first
 */

/** Long enough for a window that is being resized, too short to be noticed. */
const SETTLE_MS = 200;
const AGAIN_MS = 2_000;

export class Preference {
  /** @type {Prefer} */
  #wanted = {};
  #told = '{}';
  #send;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(prefer: Prefer) => Promise<unknown> | null} send null: it cannot be told now, and is with the next subscribe */
  constructor(send) {
    this.#send = send;
  }

  get wanted() {
    return this.#wanted;
  }

  /** Replaces the whole preference. @param {Prefer} prefer */
  set(prefer) {
    this.#wanted = sound(prefer);
    this.flush();
  }

  /** It went out with a request. @param {Prefer} prefer */
  told(prefer) {
    this.#told = JSON.stringify(prefer);
  }

  /** Tells what has not been told, a little later. */
  flush() {
    if (JSON.stringify(this.#wanted) === this.#told) return;
    this.#arm(SETTLE_MS);
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** @param {number} ms */
  #arm(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tell(), ms);
  }

  async #tell() {
    const wanted = this.#wanted;
    const before = this.#told;
    if (JSON.stringify(wanted) === before) return;
    const sent = this.#send(wanted);
    if (!sent) return;
    this.told(wanted);
    try {
      await sent;
    } catch (error) {
      // An older server does not know the request: a wish that it cannot grant, and no more than that.
      if (!isTransient(error) || hasCode(error, ErrorCode.internal) || wanted !== this.#wanted) return;
      this.#told = before;
      this.#arm(AGAIN_MS);
    }
  }
}

/** @param {Prefer} prefer @returns {Prefer} what the server takes of it */
export function sound({ rid, maxHeight, maxBitrate, priority }) {
  if (rid !== undefined && typeof rid !== 'string') throw new TypeError('rid: expected the name of a layer');
  return {
    ...(rid !== undefined && { rid }),
    ...(maxHeight !== undefined && { maxHeight: whole('maxHeight', maxHeight, 1, 65_535) }),
    ...(maxBitrate !== undefined && { maxBitrate: whole('maxBitrate', maxBitrate, 1, Number.MAX_SAFE_INTEGER) }),
    ...(priority !== undefined && { priority: whole('priority', priority, 0, 255) }),
  };
}

/** @param {string} name @param {number} value @param {number} least @param {number} most */
function whole(name, value, least, most) {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${name}: expected a number from ${least} to ${most}`);
  return Math.min(most, Math.max(least, Math.round(value)));
}
