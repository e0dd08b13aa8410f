// One picture in the call: a person, with or without a camera, or a shared screen.

import { icon, make, setText } from './dom.js';
import { displayName, hue, initials } from './identity.js';
import { QualityMark, TileNote } from './tile-marks.js';

/** So long somebody counts as speaking after the last loud moment: words have gaps. */
const HOLD_MS = 700;
/** RMS or audio level from which on somebody speaks. */
const SPEAKING = 0.02;

export class Tile {
  #video = make('video', { playsinline: '', autoplay: '' });
  /** Apart from the picture: browsers hold the sound of a video back until its first frame, which may never come. */
  #audio = make('audio', { autoplay: '' });
  #status = make('span', { class: 'tile-status' });
  #muted = make('span', { class: 'tile-muted' }, icon('mic-off'), make('span', { class: 'visually-hidden', text: 'microphone off' }));
  #quality = new QualityMark();
  #note = new TileNote();
  #loudAt = -Infinity;
  #camera = true;
  /** There may be a picture, but none to be shown. */
  #sealed = false;
  #own;
  #blocked;

  /**
   * @param {object} options
   * @param {string} options.uid whose it is
   * @param {'person' | 'screen'} options.kind
   * @param {boolean} [options.own]
   * @param {() => void} [options.blocked] the browser will not play sound without a click
   */
  constructor({ uid, kind, own = false, blocked = () => {} }) {
    const name = displayName(uid);
    const caption = own ? (kind === 'screen' ? 'Your screen' : `${name} (you)`) : kind === 'screen' ? `${name}’s screen` : name;
    this.#blocked = blocked;
    this.#video.muted = true;
    this.#own = own;
    this.#video.setAttribute('aria-label', `Picture: ${caption}`);
    const avatar = make('span', { class: 'avatar', text: initials(name), 'aria-hidden': 'true' });
    const full = make('button', { type: 'button', class: 'round plain tile-full', 'aria-label': `Full screen: ${caption}` }, icon('expand'));
    full.addEventListener('click', () => void this.#toggleFullScreen());
    this.element = make(
      'li',
      { class: `tile ${kind}${own ? ' own' : ''}` },
      avatar,
      this.#video,
      this.#audio,
      this.#note.element,
      this.#quality.element,
      make('p', { class: 'caption' }, this.#muted, make('span', { class: 'tile-name', text: caption }), this.#status),
      full,
    );
    this.element.style.setProperty('--hue', String(hue(uid)));
    this.#video.addEventListener('resize', () => this.#show());
    this.#muted.hidden = true;
    this.show(null);
  }

  /** @param {MediaStream | null} stream */
  show(stream) {
    play(this.#video, stream?.getVideoTracks());
    if (!this.#own) play(this.#audio, stream?.getAudioTracks());
    this.play();
    this.#show();
  }

  /** Plays, or says that the browser wants a click first. */
  play() {
    for (const element of [this.#video, this.#audio]) {
      if (element.srcObject) element.play().catch((error) => error?.name === 'NotAllowedError' && this.#blocked());
    }
  }

  /**
   * @param {object} state
   * @param {boolean} state.microphone
   * @param {boolean} state.camera
   * @param {string} [state.status] more to know, shown beside the name
   */
  setState({ microphone, camera, status = '' }) {
    this.#camera = camera;
    this.#muted.hidden = microphone;
    setText(this.#status, status);
    this.#show();
  }

  /** How its stream arrives. @param {import('../lib/anabranch.js').Subscription | null} subscription null: there is none */
  setArrival(subscription) {
    this.#quality.show(subscription?.quality ?? null);
    const { paused = false, encryption = null } = subscription ?? {};
    this.#sealed = this.#note.show({ paused: paused && this.#camera, encryption });
    this.element.classList.toggle('paused', paused);
    this.#show();
  }

  /** @param {boolean} speaking */
  setSpeaking(speaking) {
    this.element.classList.toggle('speaking', speaking);
  }

  /**
   * @param {number} level loudness, 0 to 1
   * @param {number} now milliseconds
   */
  hear(level, now) {
    if (level > SPEAKING) this.#loudAt = now;
    this.setSpeaking(now - this.#loudAt < HOLD_MS);
  }

  remove() {
    play(this.#video, []);
    play(this.#audio, []);
    this.element.remove();
  }

  /** The avatar stands in for a picture that is off, or has not come yet. */
  #show() {
    const picture = this.#camera && !this.#sealed && this.#video.srcObject !== null && this.#video.videoWidth > 0;
    this.element.classList.toggle('no-picture', !picture);
  }

  async #toggleFullScreen() {
    try {
      if (document.fullscreenElement) await document.exitFullscreen();
      else await this.element.requestFullscreen();
    } catch {
      // iPhones give full screen to nothing but a video, and some frames to nobody: the tile stays as it is
    }
  }
}

/**
 * @param {HTMLMediaElement} element
 * @param {MediaStreamTrack[]} [tracks] none: it plays nothing
 */
function play(element, tracks = []) {
  const playing = /** @type {MediaStream | null} */ (element.srcObject)?.getTracks() ?? [];
  const same = playing.length === tracks.length && playing.every((track) => tracks.includes(track));
  if (!same) element.srcObject = tracks.length ? new MediaStream(tracks) : null;
}
