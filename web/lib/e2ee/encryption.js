// End-to-end encryption of a room's media, as the page sees it: one key for the room, and a transform on every track
// that is sent or received. The server forwards what it cannot read.

import { roomKey } from './keys.js';
import { Opener, Sealer } from './transform.js';

/** Packetizers of the others look for structures in the frame. */
const CODECS = ['VP8', 'VP9'];

/**
 * @typedef {import('./keys.js').Track} Track
 * @typedef {import('./transform.js').Opening} Opening
 * @typedef {string | BufferSource} Secret a passphrase, or at least 16 random bytes
 */

export class Encryption {
  #rid;
  /** Changes with each key: an older one that is derived later is void. */
  #epoch = 0;
  #active = false;
  /** undefined: the first one is being derived. @type {import('./keys.js').RoomKey | null | undefined} */
  #key = null;
  /** @type {Promise<void>} */
  #ready = Promise.resolve();
  /** @type {Worker | null | undefined} undefined: not tried yet; null: cannot be had */
  #worker;
  #lastId = 0;
  /** @type {Map<number, (opening: Opening) => void>} */
  #listeners = new Map();
  /** Transforms on the page itself, where there is no worker for them. @type {Set<Sealer | Opener>} */
  #here = new Set();

  /** @param {string} rid */
  constructor(rid) {
    this.#rid = rid;
  }

  /** Whether what is sent is encrypted. */
  get active() {
    return this.#active;
  }

  /** Resolves when the key is there; rejects when it is none. */
  get ready() {
    return this.#ready;
  }

  /** @param {Secret | null} secret null: no encryption from now on */
  setKey(secret) {
    const epoch = ++this.#epoch;
    this.#active = secret !== null;
    if (this.#active) this.#key ??= undefined;
    this.#ready = this.#derive(secret, epoch);
    this.#ready.catch(() => {}); // told to whoever waits for it
    return this.#ready;
  }

  /** What a peer connection needs for it. @param {RTCConfiguration} rtc @returns {RTCConfiguration} */
  configuration(rtc) {
    return this.#inWorker() ? rtc : /** @type {RTCConfiguration} */ ({ ...rtc, encodedInsertableStreams: true });
  }

  /**
   * Nothing of the sender's leaves in the clear from now on.
   *
   * @param {RTCRtpSender} sender of a peer connection with {@link configuration}
   * @param {Track} track
   * @returns {{ showHeaders: () => void }} for VP8 without the dependency descriptor
   */
  seal(sender, track) {
    const id = ++this.#lastId;
    if (this.#attach(sender, { id, task: 'seal', track })) return { showHeaders: () => this.#worker?.postMessage({ headers: id }) };
    const sealer = new Sealer(track);
    this.#pipe(sender, sealer);
    return { showHeaders: () => void (sealer.headers = true) };
  }

  /**
   * Nothing reaches the decoder that was not encrypted with the room's key.
   *
   * @param {RTCRtpReceiver} receiver
   * @param {Track | null} track null: it is not encrypted
   * @param {(opening: Opening) => void} tell at each change
   */
  open(receiver, track, tell) {
    const id = ++this.#lastId;
    this.#listeners.set(id, tell);
    if (this.#attach(receiver, { id, task: 'open', track })) return;
    this.#pipe(receiver, new Opener(track, tell));
  }

  close() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#listeners.clear();
    this.#here.clear();
  }

  /** @param {Secret | null} secret @param {number} epoch */
  async #derive(secret, epoch) {
    try {
      this.#take(secret === null ? null : await roomKey(secret, this.#rid), epoch);
    } catch (error) {
      this.#take(null, epoch);
      throw error;
    }
  }

  /** @param {import('./keys.js').RoomKey | null} key @param {number} epoch */
  #take(key, epoch) {
    if (epoch !== this.#epoch) return;
    this.#key = key;
    this.#worker?.postMessage({ key });
    for (const transform of this.#here) transform.setKey(key);
  }

  #inWorker() {
    return 'RTCRtpScriptTransform' in globalThis && this.#theWorker() !== null;
  }

  #theWorker() {
    if (this.#worker !== undefined) return this.#worker;
    try {
      this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
      this.#worker.onmessage = ({ data }) => this.#listeners.get(data.id)?.(data.opening);
      if (this.#key !== undefined) this.#worker.postMessage({ key: this.#key });
    } catch {
      this.#worker = null; // of another origin, or forbidden by the page
    }
    return this.#worker;
  }

  /** @param {RTCRtpSender | RTCRtpReceiver} end @param {import('./worker.js').Task} task @returns {boolean} */
  #attach(end, task) {
    const worker = this.#inWorker() && this.#theWorker();
    if (worker) end.transform = new RTCRtpScriptTransform(worker, task);
    return Boolean(worker);
  }

  /** @param {any} end with `createEncodedStreams`, as Chromium had it first @param {Sealer | Opener} transform */
  #pipe(end, transform) {
    if (typeof end.createEncodedStreams !== 'function') throw new TypeError('this browser cannot encrypt media');
    const { readable, writable } = end.createEncodedStreams();
    this.#here.add(transform);
    if (this.#key !== undefined) transform.setKey(this.#key);
    const through = new TransformStream({ transform: (frame, out) => transform.transform(frame, out) });
    const ended = readable.pipeThrough(through).pipeTo(writable);
    ended.catch(() => {}).finally(() => this.#here.delete(transform)); // ended by the peer connection
  }
}

/** Whether frames of it can be encrypted. @param {string | undefined} codec */
export function isEncryptable(codec) {
  return codec === undefined || CODECS.includes(codec.toUpperCase());
}

/** What a stream says of its encryption, in `minfo.e2ee`. @param {Uint8Array<ArrayBuffer>} salt */
export function saltToText(salt) {
  return { salt: btoa(String.fromCharCode(...salt)) };
}

/** @param {any} e2ee of a stranger's `minfo` @returns {Uint8Array<ArrayBuffer> | null} null: it is not encrypted, or says nothing that makes sense */
export function saltOf(e2ee) {
  try {
    const salt = Uint8Array.from(atob(e2ee.salt), (letter) => letter.charCodeAt(0));
    return salt.length > 0 && salt.length <= 64 ? salt : null;
  } catch {
    return null;
  }
}
