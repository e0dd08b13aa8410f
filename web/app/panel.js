// A side panel (chat, streams): opened and closed by its button, one at a time, with the focus where it belongs.

import { byId } from './dom.js';

/** @type {Set<Panel>} */
const panels = new Set();

export class Panel {
  #panel;
  #toggle;
  #focus;
  /** Called when it has opened. @type {() => void} */
  onOpen = () => {};

  /**
   * @param {string} name the panel is `#name-panel`, its buttons `#name-toggle` and `#name-close`
   * @param {string} focus id of what gets the focus when it opens
   */
  constructor(name, focus) {
    this.#panel = byId(`${name}-panel`, HTMLElement);
    this.#toggle = byId(`${name}-toggle`, HTMLButtonElement);
    this.#focus = byId(focus, HTMLElement);
    this.#toggle.onclick = () => this.set(!this.open);
    byId(`${name}-close`, HTMLButtonElement).onclick = () => this.set(false);
    this.#panel.onkeydown = ({ key }) => {
      if (key === 'Escape') this.set(false);
    };
    panels.add(this);
    this.set(false, { focus: false });
  }

  get open() {
    return !this.#panel.hidden;
  }

  /**
   * @param {boolean} open
   * @param {{ focus?: boolean }} [options] whether the focus follows
   */
  set(open, { focus = true } = {}) {
    if (open) {
      for (const other of panels) if (other !== this && other.open) other.set(false, { focus: false });
    }
    this.#panel.hidden = !open;
    this.#toggle.setAttribute('aria-expanded', String(open));
    if (open) this.onOpen();
    if (focus) (open ? this.#focus : this.#toggle).focus();
  }

  /** It is no longer used. */
  close() {
    this.set(false, { focus: false });
    panels.delete(this);
  }
}
