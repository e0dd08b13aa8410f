// What happens to each frame of a track: sealed when it is sent, opened when it is received. In a worker or on the page.
// Without a key, and with a wrong one, nothing goes through: neither clear frames out nor strange ones in.

import { clearBytes, LAST_COUNTER, open, seal, trailerOf } from './frame.js';
import { trackKey } from './keys.js';
import { ReplayWindow } from './replay.js';

/**
 * @typedef {import('./keys.js').RoomKey} RoomKey
 * @typedef {import('./keys.js').Track} Track
 * @typedef {{ data: ArrayBuffer, type?: string }} Frame an encoded frame of the browser's, or what a test makes of it
 * @typedef {{ enqueue: (frame: any) => void }} Out
 *
 * @typedef {'open' | 'no-key' | 'wrong-key' | 'not-encrypted'} Opening whether received frames can be opened
 */

/** A single frame that does not open may have been damaged; some in a row tell of another key. */
const WRONG = 3;

/** Both directions: the key of the moment, or none. */
class Transform {
  /** @type {Promise<import('./keys.js').TrackKey | null>} */
  #derived = Promise.resolve(null);
  /** @type {RoomKey | null} */
  key = null;
  #track;

  /** @param {Track | null} track null: nothing can be done with it */
  constructor(track) {
    this.#track = track;
  }

  /** @param {RoomKey | null} key */
  setKey(key) {
    this.key = key;
    this.#derived = key && this.#track ? trackKey(key, this.#track) : Promise.resolve(null);
  }

  get derived() {
    return this.#derived;
  }
}

export class Sealer extends Transform {
  #counter = 0;
  /** Whether what a server or a receiver must read of a VP8 frame stays clear. */
  headers = false;

  /** @param {Frame} frame @param {Out} out */
  async transform(frame, out) {
    const { key } = this;
    const derived = await this.derived;
    if (!key || !derived || this.#counter > LAST_COUNTER) return;
    const clear = this.headers ? clearBytes(frame.type, frame.data.byteLength) : 0;
    frame.data = await seal(derived, frame.data, { counter: this.#counter++, clear, keyId: key.id });
    out.enqueue(frame);
  }
}

export class Opener extends Transform {
  #replay = new ReplayWindow();
  #wrong = 0;
  /** @type {Opening | null} */
  #told = null;
  #track;
  #tell;

  /** @param {Track | null} track null: it is not encrypted @param {(opening: Opening) => void} tell at each change */
  constructor(track, tell) {
    super(track);
    this.#track = track;
    this.#tell = tell;
  }

  /** @override @param {RoomKey | null} key */
  setKey(key) {
    super.setKey(key);
    this.#wrong = 0;
    if (!this.#track) this.#say('not-encrypted');
    else if (!key) this.#say('no-key');
  }

  /** @param {Frame} frame @param {Out} out */
  async transform(frame, out) {
    const { key } = this;
    const derived = await this.derived;
    if (!key || !derived) return;
    const trailer = trailerOf(frame.data);
    if (!trailer || trailer.keyId !== key.id) return this.#failed();
    if (!this.#replay.isFresh(trailer.counter)) return;
    try {
      frame.data = await open(derived, frame.data, trailer);
    } catch {
      return this.#failed();
    }
    this.#replay.note(trailer.counter);
    this.#wrong = 0;
    this.#say('open');
    out.enqueue(frame);
  }

  #failed() {
    this.#wrong += 1;
    if (this.#wrong >= WRONG) this.#say('wrong-key');
  }

  /** @param {Opening} opening */
  #say(opening) {
    if (opening === this.#told) return;
    this.#told = opening;
    this.#tell(opening);
  }
}
