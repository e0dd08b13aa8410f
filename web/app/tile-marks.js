// What a tile says of its stream beside the picture: how well it arrives, and why there is none.

import { icon, make, setIcon, setText } from './dom.js';

/** @typedef {import('../lib/anabranch.js').Quality} Quality */

const QUALITY = {
  good: 'good connection',
  poor: 'poor connection',
  lost: 'connection lost',
};

const NOTES = {
  paused: 'Picture paused: too little bandwidth',
  'wrong-key': 'Encrypted with another passphrase',
  'no-key': 'Encrypted: join with the passphrase to see it',
  'not-encrypted': 'Not encrypted, so not shown',
};

export class QualityMark {
  #word = make('span', { class: 'visually-hidden' });
  /** Bars, as many as it is good: not by colour alone. */
  element = make('span', { class: 'tile-quality', hidden: true }, icon('signal-good'), this.#word);

  /** @param {Quality | null} quality null: nothing is received */
  show(quality) {
    this.element.hidden = quality === null;
    if (quality === null) return;
    this.element.dataset.quality = quality;
    this.element.title = QUALITY[quality];
    setIcon(this.element, `signal-${quality}`);
    setText(this.#word, QUALITY[quality]);
  }
}

export class TileNote {
  element = make('p', { class: 'tile-note', hidden: true });

  /**
   * @param {object} state
   * @param {boolean} state.paused
   * @param {import('../lib/anabranch.js').Opening | null} state.encryption
   * @returns {boolean} whether the picture that there may be is none of now
   */
  show({ paused, encryption }) {
    const sealed = encryption !== null && encryption !== 'open';
    const text = sealed ? NOTES[encryption] : paused ? NOTES.paused : '';
    this.element.hidden = text === '';
    setText(this.element, text);
    return sealed;
  }
}
