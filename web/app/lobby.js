// Before the call: who, where, and a look at oneself.

import { devicePicker } from './device-picker.js';
import { byId, setIcon, setText } from './dom.js';
import { clean, initialRoom, remember, remembered } from './identity.js';
import { levelOf } from './level.js';
import { PassphraseField } from './passphrase.js';

/** Often enough for a meter to look alive. */
const METER_MS = 100;
/** Speech is quiet in RMS; a square root spreads it over the meter. */
const meterValue = (/** @type {number} */ rms) => Math.min(1, Math.sqrt(rms) * 1.6);

export class Lobby {
  #media;
  #root = byId('lobby', HTMLElement);
  #name = byId('name', HTMLInputElement);
  #room = byId('room', HTMLInputElement);
  #join = byId('join', HTMLButtonElement);
  #preview = byId('preview', HTMLVideoElement);
  #passphrase = new PassphraseField();
  /** @type {import('./level.js').Level | null} */
  #level = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #meter;

  /**
   * @param {import('./local-media.js').LocalMedia} media
   * @param {(who: import('./call.js').Who) => void} join
   */
  constructor(media, join) {
    this.#media = media;
    this.#name.value = remembered('name');
    this.#room.value = initialRoom();
    devicePicker(byId('lobby-devices', HTMLElement), media);
    media.on('change', () => this.#show());
    byId('lobby-mic', HTMLButtonElement).addEventListener('click', () => void media.toggle('microphone'));
    byId('lobby-cam', HTMLButtonElement).addEventListener('click', () => void media.toggle('camera'));
    byId('media-retry', HTMLButtonElement).addEventListener('click', () => void media.open());
    byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(join);
    });
    for (const field of [this.#name, this.#room]) field.addEventListener('input', () => field.setCustomValidity(''));
  }

  open() {
    document.title = 'Anabranch';
    this.#root.hidden = false;
    this.#meter = setInterval(() => this.#measure(), METER_MS);
    this.#show();
    (this.#name.value ? this.#join : this.#name).focus();
  }

  close() {
    this.#root.hidden = true;
    clearInterval(this.#meter);
    this.#preview.srcObject = null;
    this.#level = levelOf(this.#level, null);
  }

  /** @param {(who: import('./call.js').Who) => void} join */
  #submit(join) {
    const name = required(this.#name, 'Enter a name, so that the others know who you are.');
    const rid = required(this.#room, 'Enter a room.');
    const key = this.#passphrase.read();
    if (!name || !rid || key === undefined) return;
    remember('name', name);
    remember('room', rid);
    join({ name, rid, key });
  }

  #show() {
    if (this.#root.hidden) return;
    const camera = this.#media.track('camera');
    const shown = /** @type {MediaStream | null} */ (this.#preview.srcObject)?.getVideoTracks()[0] ?? null;
    if (shown !== camera) this.#preview.srcObject = camera ? new MediaStream([camera]) : null;
    byId('preview-note', HTMLElement).hidden = camera !== null;
    this.#toggle('lobby-mic', 'microphone', 'mic');
    this.#toggle('lobby-cam', 'camera', 'cam');
    this.#showProblem();
  }

  /**
   * @param {string} id
   * @param {import('./local-media.js').Device} device
   * @param {string} symbol
   */
  #toggle(id, device, symbol) {
    const button = byId(id, HTMLButtonElement);
    const on = this.#media.isOn(device);
    button.setAttribute('aria-pressed', String(on));
    setIcon(button, on ? symbol : `${symbol}-off`);
  }

  #showProblem() {
    const { problem } = this.#media;
    byId('media-problem', HTMLElement).hidden = problem === '';
    setText(byId('media-problem-text', HTMLElement), problem);
    const listener = problem !== '' && !this.#media.track('camera') && !this.#media.track('microphone');
    setText(this.#join, listener ? 'Join as a listener' : 'Join');
  }

  #measure() {
    this.#level = levelOf(this.#level, this.#media.track('microphone'));
    byId('lobby-level', HTMLMeterElement).value = this.#level ? meterValue(this.#level.read()) : 0;
  }
}

/**
 * @param {HTMLInputElement} field
 * @param {string} complaint
 * @returns {string} '' when there is nothing in it that the server would take
 */
function required(field, complaint) {
  const value = clean(field.value);
  field.setCustomValidity(value ? '' : complaint);
  if (!value) field.reportValidity();
  return value;
}
