// The buttons under the call.

import { devicePicker } from './device-picker.js';
import { byId, setIcon, setText } from './dom.js';
import { alert, toast } from './speak.js';

/** The dialog outlives the calls, and so does what is in it. @type {WeakSet<object>} */
const pickers = new WeakSet();

export class Controls {
  #media;
  #outgoing;
  #mic = byId('mic', HTMLButtonElement);
  #cam = byId('cam', HTMLButtonElement);
  #share = byId('share', HTMLButtonElement);
  #settings = byId('settings', HTMLDialogElement);

  /**
   * @param {import('./local-media.js').LocalMedia} media
   * @param {import('./outgoing.js').Outgoing} outgoing
   * @param {{ link: URL, leave: () => void }} call `link`: what others come in with
   */
  constructor(media, outgoing, { link, leave }) {
    this.#media = media;
    this.#outgoing = outgoing;
    this.#mic.onclick = () => void this.#toggle('microphone');
    this.#cam.onclick = () => void this.#toggle('camera');
    this.#share.onclick = () => void this.#toggleScreen();
    this.#share.hidden = !navigator.mediaDevices?.getDisplayMedia; // phones cannot
    byId('leave', HTMLButtonElement).onclick = leave;
    byId('settings-open', HTMLButtonElement).onclick = () => this.#settings.showModal();
    byId('copy-link', HTMLButtonElement).onclick = () => void copyLink(link);
    if (!pickers.has(media)) devicePicker(byId('call-devices', HTMLElement), media);
    pickers.add(media);
    this.show();
  }

  /** Brings the buttons up to date. */
  show() {
    const { problem } = this.#media;
    press(this.#mic, this.#media.isOn('microphone'), 'mic');
    press(this.#cam, this.#media.isOn('camera'), 'cam');
    this.#share.setAttribute('aria-pressed', String(this.#outgoing.sharing));
    setText(this.#share.querySelector('span') ?? this.#share, this.#outgoing.sharing ? 'Stop sharing' : 'Share screen');
    const note = byId('settings-problem', HTMLElement);
    note.hidden = problem === '';
    setText(note, problem);
  }

  close() {
    this.#settings.close();
  }

  /** @param {import('./local-media.js').Device} device */
  async #toggle(device) {
    const wasOn = this.#media.isOn(device);
    await this.#media.toggle(device);
    if (!wasOn && !this.#media.isOn(device)) alert(this.#media.problem || `There is no ${device}.`);
  }

  async #toggleScreen() {
    if (this.#outgoing.sharing) return this.#outgoing.stopScreen();
    try {
      await this.#outgoing.shareScreen();
    } catch (error) {
      // The person has closed the browser's own question: nothing to tell.
      if (error instanceof Error && error.name === 'NotAllowedError') return;
      alert(`The screen cannot be shared: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} on
 * @param {string} symbol
 */
function press(button, on, symbol) {
  button.setAttribute('aria-pressed', String(on));
  setIcon(button, on ? symbol : `${symbol}-off`);
}

/** @param {URL} link */
async function copyLink(link) {
  try {
    await navigator.clipboard.writeText(link.href);
    toast(`Link copied. Whoever opens it comes into this room${link.hash ? ', and has the passphrase' : ''}.`);
  } catch {
    toast(`The link to this room: ${link}`);
  }
}
