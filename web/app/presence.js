// Who has muted the microphone or stopped the camera. The protocol does not carry it, so the pages tell each
// other through `broadcast`; of other programs' users it is taken from what they publish.

/** People who come at once are told at once, in one message. */
const TELL_MS = 150;

/**
 * @typedef {{ microphone: boolean, camera: boolean }} Switches
 */

export class Presence {
  #room;
  #media;
  /** @type {Map<string, Switches>} */
  #others = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #told = '';

  /**
   * @param {import('../lib/anabranch.js').Room} room
   * @param {import('./local-media.js').LocalMedia} media
   */
  constructor(room, media) {
    this.#room = room;
    this.#media = media;
    room.on('joined', () => this.#tellAgain());
    room.on('peer-join', () => this.#tellAgain());
    room.on('peer-leave', ({ uid }) => this.#others.delete(uid));
  }

  /** @returns {Switches} */
  get own() {
    return { microphone: this.#media.isOn('microphone'), camera: this.#media.isOn('camera') };
  }

  /** @param {string} uid */
  of(uid) {
    return this.#others.get(uid);
  }

  /** Our own switches may have changed. */
  changed() {
    if (JSON.stringify(this.own) !== this.#told) this.#schedule();
  }

  /**
   * @param {string} uid
   * @param {any} data of a broadcast
   * @returns {boolean} whether it was about this
   */
  heard(uid, data) {
    if (data?.type !== 'state') return false;
    this.#others.set(uid, { microphone: data.microphone === true, camera: data.camera === true });
    return true;
  }

  close() {
    clearTimeout(this.#timer);
  }

  /** Somebody may not know yet. */
  #tellAgain() {
    this.#told = '';
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), TELL_MS);
  }

  #tell() {
    if (this.#room.status !== 'joined') return;
    this.#told = JSON.stringify(this.own);
    this.#room.broadcast({ type: 'state', ...this.own }).catch(() => this.#tellAgain());
  }
}
