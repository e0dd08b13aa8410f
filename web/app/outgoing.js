// What we send: keeps the publications in step with the camera, the microphone and the shared screen.

import { Source } from '../lib/anabranch.js';
import { Emitter } from '../lib/emitter.js';

/**
 * @typedef {object} OutgoingEvents
 * @property {MediaStream | null} screen shared from now on, or no longer
 * @property {{ what: string, error: Error }} refused by the server
 *
 * @typedef {import('../lib/anabranch.js').Publication} Publication
 */

/** @extends {Emitter<OutgoingEvents>} */
export class Outgoing extends Emitter {
  #room;
  #media;
  /** @type {Publication | null} */
  #devices = null;
  /** @type {Publication | null} */
  #screen = null;
  /** @type {MediaStream | null} */
  #display = null;

  /**
   * @param {import('../lib/anabranch.js').Room} room
   * @param {import('./local-media.js').LocalMedia} media
   */
  constructor(room, media) {
    super();
    this.#room = room;
    this.#media = media;
  }

  /** @param {Publication} publication */
  nameOf(publication) {
    return publication === this.#screen ? 'Your screen' : 'You';
  }

  get sharing() {
    return this.#display !== null;
  }

  /** Camera or microphone have changed. */
  sync() {
    const audio = this.#media.track('microphone');
    const video = this.#media.track('camera');
    if (!audio && !video) {
      this.#devices?.unpublish();
      this.#devices = null;
    } else if (this.#devices && (this.#devices.has('audio') || !audio) && (this.#devices.has('video') || !video)) {
      this.#replace(this.#devices, { audio, video });
    } else {
      // A kind that was not there before needs an offer of its own: the stream is published anew.
      this.#devices?.unpublish();
      const options = { ...(audio && { audio }), ...(video && { video, simulcast: true }) };
      this.#devices = this.#published(this.#room.publish(options), 'camera and microphone');
    }
  }

  /** Asks which screen, and sends it until it is stopped here or in the browser. */
  async shareScreen() {
    const display = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: true });
    const [video] = display.getVideoTracks();
    const [audio] = display.getAudioTracks();
    if (this.#room.status === 'left' || this.#display || !video) {
      for (const track of display.getTracks()) track.stop();
      return;
    }
    video.contentHint = 'detail';
    video.onended = () => this.stopScreen();
    this.#display = display;
    const options = { video, ...(audio && { audio }), source: Source.screen };
    this.#screen = this.#published(this.#room.publish(options), 'screen');
    this.emit('screen', display);
  }

  stopScreen() {
    if (!this.#display) return;
    for (const track of this.#display.getTracks()) track.stop();
    this.#display = null;
    this.#screen?.unpublish();
    this.#screen = null;
    this.emit('screen', null);
  }

  /**
   * @param {Publication} publication
   * @param {{ audio: MediaStreamTrack | null, video: MediaStreamTrack | null }} tracks
   */
  #replace(publication, tracks) {
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      if (publication.has(kind)) publication.replaceTrack(kind, tracks[kind]).catch(reportError);
    }
  }

  /**
   * @param {Publication} publication
   * @param {string} what
   */
  #published(publication, what) {
    publication.on('failed', (error) => {
      if (what === 'screen') this.stopScreen();
      else if (this.#devices === publication) this.#devices = null;
      this.emit('refused', { what, error });
    });
    return publication;
  }
}
