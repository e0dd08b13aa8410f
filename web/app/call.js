// One call, from joining to leaving: puts the parts together and passes on to them what the room tells.

import { Client } from '../lib/anabranch.js';
import { Emitter } from '../lib/emitter.js';
import { Banner } from './banner.js';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { byId, setText } from './dom.js';
import { bearer, displayName, roomLink, token, userId } from './identity.js';
import { Outgoing } from './outgoing.js';
import { Panel } from './panel.js';
import { People } from './people.js';
import { Presence } from './presence.js';
import { alert, toast } from './speak.js';
import { StatsPanel } from './stats-panel.js';

/** After a server's restart everybody's return is no news. */
const QUIET_MS = 4_000;

const KICKED = 'This call was taken over: the same user came into it from another place, so this page has left.';

/**
 * @typedef {{ name: string, rid: string, key: string | null }} Who `key`: the passphrase of the encryption; null: none
 *
 * @typedef {object} CallEvents
 * @property {{ reason: string }} ended reason: '' when the person left
 */

/** @extends {Emitter<CallEvents>} */
export class Call extends Emitter {
  #media;
  #client;
  #rid;
  #key;
  #root = byId('call', HTMLElement);
  #banner;
  /** Comings and goings before this moment are not announced; the first list of who is there comes before all others. */
  #quietUntil = Infinity;
  /** What must be undone at the end. @type {(() => void)[]} */
  #ends = [];
  #kicked = false;

  /**
   * @param {import('./local-media.js').LocalMedia} media
   * @param {Who} who
   */
  constructor(media, { name, rid, key }) {
    super();
    this.#media = media;
    this.#rid = rid;
    this.#key = key;
    const ticket = token();
    this.#client = new Client({ uid: (ticket && bearer(ticket)) || userId(name), token: ticket, ...(key && { e2ee: { key } }) });
    this.#banner = new Banner(this.#client);
    this.#banner.connecting();
    this.#client.on('closed', ({ kicked }) => (this.#kicked = kicked));
    void this.#begin();
  }

  async #begin() {
    this.#showRoom();
    try {
      await this.#client.join(this.#rid, (room) => this.#assemble(room));
    } catch {
      // told by the room's `left` event, with the reason
    }
  }

  #showRoom() {
    const title = byId('room-title', HTMLElement);
    setText(title, this.#rid);
    document.title = `${this.#rid} – Anabranch`;
    byId('encrypted', HTMLElement).hidden = this.#key === null;
    // Token and passphrase stay in the address, for when the page is loaded again.
    history.replaceState(null, '', roomLink(this.#rid, { key: this.#key, token: token() }));
    this.#root.hidden = false;
    title.focus();
  }

  /** @param {import('../lib/anabranch.js').Room} room */
  #assemble(room) {
    const presence = new Presence(room, this.#media);
    const outgoing = new Outgoing(room, this.#media);
    const people = new People(room, this.#media, presence);
    const chatPanel = new Panel('chat', 'chat-text');
    const chat = new Chat(room, chatPanel);
    const statsPanel = new Panel('stats', 'stats-list');
    const stats = new StatsPanel(room, outgoing, statsPanel);
    const controls = new Controls(this.#media, outgoing, { link: roomLink(this.#rid, { key: this.#key }), leave: () => void this.#client.close() });

    const stopSync = this.#media.on('change', () => {
      outgoing.sync();
      presence.changed();
      people.ownChanged();
      controls.show();
    });
    outgoing.on('screen', (display) => {
      people.ownScreen(display);
      controls.show();
    });
    outgoing.on('refused', ({ what, error }) => alert(`The server does not take your ${what}: ${error.message}`));
    room.on('broadcast', ({ uid, data }) => {
      if (presence.heard(uid, data)) people.switched(uid);
      else chat.heard(uid, data);
    });
    this.#follow(room);
    // A machine that wakes from sleep finds out at once whether it is still in the call.
    const woke = () => document.visibilityState === 'visible' && room.check();
    document.addEventListener('visibilitychange', woke);
    this.#ends = [
      stopSync,
      () => document.removeEventListener('visibilitychange', woke),
      () => outgoing.stopScreen(),
      ...[presence, people, stats, controls, chatPanel, statsPanel].map((part) => () => part.close()),
    ];
    outgoing.sync();
  }

  /** @param {import('../lib/anabranch.js').Room} room */
  #follow(room) {
    this.#client.on('lost', ({ retryMs }) => this.#banner.lost(retryMs, this.#quietUntil !== Infinity));
    room.on('joined', ({ again }) => {
      this.#banner.joined(again);
      this.#quietUntil = again ? performance.now() + QUIET_MS : 0;
      if (!again) toast(greeting(room.users.length));
    });
    room.on('peer-join', ({ uid }) => this.#announce(`${displayName(uid)} has joined.`));
    room.on('peer-leave', ({ uid }) => this.#announce(`${displayName(uid)} has left.`));
    room.on('left', ({ error }) => this.#end(error));
  }

  /** @param {string} text */
  #announce(text) {
    if (performance.now() > this.#quietUntil) toast(text);
  }

  /** @param {Error | null} error */
  #end(error) {
    for (const undo of this.#ends) undo();
    this.#banner.close();
    this.#root.hidden = true;
    void this.#client.close();
    const refused = error ? `The call has ended: ${error.message}.` : '';
    this.emit('ended', { reason: this.#kicked ? KICKED : refused });
  }
}

/** @param {number} others */
function greeting(others) {
  if (others === 0) return 'You are in the room. Nobody else is here yet: send them the link.';
  return `You are in the room with ${others} other${others === 1 ? '' : 's'}.`;
}
