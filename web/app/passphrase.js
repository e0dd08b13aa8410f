// The lobby's switch for end-to-end encryption. The passphrase stands in the address behind `#key=`, which no browser
// sends to a server: whoever gets the link has it.

import { byId } from './dom.js';
import { linkedKey } from './identity.js';

/** No letters that are taken for another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
/** Four groups of five: 99 bits, which nobody guesses. */
const GROUPS = 4;
const GROUP = 5;

export class PassphraseField {
  #switch = byId('encrypt', HTMLInputElement);
  #field = byId('passphrase', HTMLInputElement);
  #label = byId('passphrase-field', HTMLElement);

  constructor() {
    const linked = linkedKey();
    this.#field.value = linked;
    this.#switch.checked = linked !== '';
    this.#switch.disabled = !globalThis.crypto?.subtle;
    if (this.#switch.disabled) byId('encrypt-note', HTMLElement).textContent = 'Needs a page over https, or from localhost.';
    this.#switch.addEventListener('change', () => this.#switched());
    this.#field.addEventListener('input', () => this.#field.setCustomValidity(''));
    this.#show();
  }

  /** @returns {string | null | undefined} null: no encryption; undefined: it is asked for, and there is no passphrase */
  read() {
    if (!this.#switch.checked) return null;
    const passphrase = this.#field.value.trim();
    this.#field.setCustomValidity(passphrase ? '' : 'Enter the passphrase that all of you use.');
    if (!passphrase) this.#field.reportValidity();
    return passphrase || undefined;
  }

  #switched() {
    if (this.#switch.checked && !this.#field.value) this.#field.value = newPassphrase();
    this.#show();
    if (this.#switch.checked) this.#field.select();
  }

  #show() {
    this.#label.hidden = !this.#switch.checked;
  }
}

function newPassphrase() {
  const groups = Array.from({ length: GROUPS }, () => Array.from({ length: GROUP }, letter).join(''));
  return groups.join('-');
}

/** Each as likely as the others: numbers beyond the last full round are drawn again. */
function letter() {
  const rounds = Math.floor(256 / LETTERS.length) * LETTERS.length;
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < rounds) return LETTERS[byte % LETTERS.length] ?? '';
  }
}
