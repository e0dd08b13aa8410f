// The chat: lines of text through `broadcast`, kept by nobody but those who were there.

import { byId, make, setText } from './dom.js';
import { displayName, hue } from './identity.js';
import { toast } from './speak.js';

/** Older lines go: a stranger must not be able to fill the page. */
const MOST_LINES = 300;
/** Characters of one line that are shown. */
const LONGEST_LINE = 4_000;

export class Chat {
  #room;
  #panel;
  #log = byId('chat-log', HTMLDivElement);
  #text = byId('chat-text', HTMLInputElement);
  #form = byId('chat-form', HTMLFormElement);
  #unread = 0;

  /**
   * @param {import('../lib/anabranch.js').Room} room
   * @param {import('./panel.js').Panel} panel
   */
  constructor(room, panel) {
    this.#room = room;
    this.#panel = panel;
    this.#log.replaceChildren();
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      void this.#send();
    };
    panel.onOpen = () => this.#read();
    this.#read();
  }

  /**
   * @param {string} uid
   * @param {any} data of a broadcast
   */
  heard(uid, data) {
    const text = typeof data === 'string' ? data : data?.type === 'chat' ? data.text : null;
    if (typeof text !== 'string') return;
    this.#append(uid, text.slice(0, LONGEST_LINE));
    if (this.#panel.open) return;
    this.#unread += 1;
    this.#showUnread();
    toast(`${displayName(uid)}: ${text.slice(0, 120)}`);
  }

  async #send() {
    const text = this.#text.value.trim();
    if (!text) return;
    try {
      await this.#room.broadcast({ type: 'chat', text });
      this.#append(this.#room.uid, text);
      if (this.#text.value.trim() === text) this.#text.value = '';
    } catch {
      toast('The message was not sent: there is no connection to the server at the moment.');
    }
  }

  /**
   * @param {string} uid
   * @param {string} text
   */
  #append(uid, text) {
    const own = uid === this.#room.uid;
    const time = new Date();
    const who = make('span', { class: 'chat-who', text: own ? 'You' : displayName(uid) });
    const when = make('time', { datetime: time.toISOString(), text: time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) });
    const line = make('div', { class: own ? 'chat-line own' : 'chat-line' }, who, when, make('p', { text, dir: 'auto' }));
    line.style.setProperty('--hue', String(hue(uid)));
    this.#log.append(line);
    while (this.#log.childElementCount > MOST_LINES) this.#log.firstElementChild?.remove();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #read() {
    this.#unread = 0;
    this.#showUnread();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #showUnread() {
    const badge = byId('chat-unread', HTMLElement);
    badge.hidden = this.#unread === 0;
    setText(badge, this.#unread ? `${this.#unread} new` : '');
  }
}
